"""Where somebody lives, in which role and on which ground: every cell as it was written down by hand."""

import csv
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from clearances import CONSENT, POLICY, SHIP, asked, codes
from pydantic import TypeAdapter

from gateway.clearance import Question, clear
from gateway.contract.papers import Transfers
from gateway.contract.terms import SubjectTerms, Terms
from gateway.frozen import changed
from gateway.registry.facts import Consent, Facts, Person
from gateway.vocabulary import LegalBasis, SubjectRole

DATA = Path(__file__).parent / "data"
# How the tables call a place, and how the register does.
PLACES = {"EU": "DE", "UK": "GB", "US-CA": "US-CA", "CN": "CN", "JP": "JP", "unknown": "unknown"}
LINES = TypeAdapter(Transfers)
TRANSFER = {
    "EU": [{"mechanism": "adequacy", "to": ["GB", "JP"]}, "scc"],
    "GB": [{"mechanism": "adequacy", "to": ["DE"]}, "uk_addendum"],
    "CN": "cn_standard_contract",
    "JP": "jp_equivalent",
    "US": "none_domestic",
}
YES = (changed(CONSENT, vendor="parcels", separate=True),)


def table(name: str, keys: int) -> dict[tuple[str, ...], str]:
    """The cells of a file by the first columns of their line and the head of their column."""
    with (DATA / name).open(newline="") as file:
        head, *lines = csv.reader(file)
    rows = [(line[:keys], dict(zip(head[keys:], line[keys:], strict=True))) for line in lines]
    cells = {(*key, column): cell for key, row in rows for column, cell in row.items()}
    assert len(cells) == len(lines) * (len(head) - keys), "a line stands twice"
    return cells


GROUNDS = table("jurisdictions.csv", 2)
BORDERS = table("borders.csv", 2)


def to(*importers: str) -> Terms:
    vendor = SHIP.vendor.model_copy(update={"countries": importers})
    return changed(SHIP, vendor=vendor, transfer={key: LINES.validate_python(line) for key, line in TRANSFER.items()})


def about(
    place: str, role: str, basis: str, answers: tuple[Consent, ...] = (), *, terms: Terms | None = None
) -> Question:
    """A parcel about one person, on one ground, with all evidence that nobody has to give."""
    subject = SubjectTerms(SubjectRole(role), True, None, None, None, {"default": LegalBasis(basis)}, False)
    person = Person("c-1", SubjectRole(role), PLACES[place], "A-1")
    consents: Mapping[str, tuple[Consent, ...]] = {"c-1": answers} if answers else {}
    facts = Facts({person.role: person}, frozenset(), consents, frozenset(), order_stated=True)
    return changed(asked(changed(terms or to("DE"), subjects=(subject,)), facts=facts), exporter="DE")


def test_no_place_role_or_basis_is_missing_from_the_table() -> None:
    assert set(GROUNDS) == set(product(PLACES, SubjectRole, LegalBasis))


def test_no_place_company_or_country_is_missing_from_the_table() -> None:
    assert set(BORDERS) == set(product(PLACES, ("DE", "GB", "CN"), ("DE", "GB", "US", "CN", "JP")))


@pytest.mark.parametrize("cell", GROUNDS, ids="-".join)
def test_a_person_is_disclosed_on_a_ground_as_the_table_says(cell: tuple[str, str, str]) -> None:
    silent, willing = codes(about(*cell)), codes(about(*cell, YES))

    found = "asks" if (silent, willing) == (["consent.missing"], []) else next(iter(silent), "goes")
    assert found == GROUNDS[cell]
    assert found == "asks" or silent == willing, "consent is never another ground's back-up"


@pytest.mark.parametrize("cell", BORDERS, ids="-".join)
def test_data_crosses_borders_as_the_table_says(cell: tuple[str, str, str]) -> None:
    place, exporter, importer = cell
    question = changed(about(place, "purchaser", "performance_of_contract", terms=to(importer)), exporter=exporter)

    pairs = [(place if law == PLACES[place] else law, mechanism) for law, mechanism in clear(question).transfer]

    assert sorted("=".join(pair) for pair in pairs) == BORDERS[cell].split()


@pytest.mark.parametrize("place", [place for place in PLACES if place != "unknown"])
def test_without_its_lines_nothing_of_a_law_crosses_a_border(place: str) -> None:
    terms = to("IN")
    law = {"EU": "EU", "UK": "GB", "US-CA": "US"}.get(place, place)
    without = changed(terms, transfer={key: line for key, line in terms.transfer.items() if key != law})

    assert codes(about(place, "purchaser", "performance_of_contract", terms=terms)) == []
    assert codes(about(place, "purchaser", "performance_of_contract", terms=without)) == ["transfer.none"]


def test_where_the_law_is_unknown_the_strictest_market_counts_and_no_interest_of_ours() -> None:
    question = about("unknown", "purchaser", "legitimate_interest")
    european = POLICY.model_copy(update={"markets": ("EU",)})

    assert codes(question) == ["basis.not_valid"]
    assert codes(changed(question, policy=european)) == []
