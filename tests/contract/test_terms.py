from pathlib import Path

import pytest
from small_contracts import FILES, changed, read_files

from gateway.contract.terms import Node, Terms


@pytest.fixture
def terms(tmp_path: Path) -> Terms:
    """The terms of the one operation of the small set."""
    contracts, findings = read_files(tmp_path, FILES)
    assert contracts is not None, findings
    [terms] = contracts.terms
    return terms


def test_terms_go_by_vendor_and_operation_and_a_contract_by_its_version_too(terms: Terms) -> None:
    assert (terms.name, terms.contract) == ("acme/ship", "acme/ship@1")


def test_the_template_of_a_path_names_its_variables_and_never_holds_a_value(terms: Terms) -> None:
    assert terms.template == "/ship/{parcel}"


def test_the_digest_changes_with_the_file_and_only_with_it(tmp_path: Path, terms: Terms) -> None:
    again, _ = read_files(tmp_path / "again", FILES)
    other, _ = read_files(tmp_path / "other", changed("acme/ship.yaml", "finds the door", "finds the bell"))

    assert again is not None
    assert other is not None
    assert again.terms[0].digest == terms.digest != other.terms[0].digest


def test_a_node_leads_on_where_something_is_below_it() -> None:
    leaf = Node("$.a", rules=(0,))

    assert not leaf.leads_on
    assert Node("$", members={"a": leaf}).leads_on
    assert Node("$.items", each=leaf).leads_on
