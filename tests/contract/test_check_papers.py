"""What the papers of a vendor must say, tried with each of it missing in turn."""

from pathlib import Path as Folder

import pytest
from small_contracts import ACME, FILES, read_files

from gateway.contract.papers import is_covered
from gateway.vocabulary import Category

PAPER = "{type: dpa, id: DPA-1, signed: 2026-01-01, until: 2030-12-31, clauses: [confidentiality]}"


def found(folder: Folder, *papers: str) -> list[tuple[str, str]]:
    files = {**FILES, ACME: FILES[ACME].replace(f"  - {PAPER}", "\n".join(f"  - {paper}" for paper in papers))}
    assert files[ACME] != FILES[ACME] or papers == (PAPER,)
    return [(finding.code, finding.level) for finding in read_files(folder, files)[1]]


def test_the_paper_of_the_small_set_is_right(tmp_path: Folder) -> None:
    assert found(tmp_path, PAPER) == []


@pytest.mark.parametrize(
    ("paper", "findings"),
    [
        ("{type: dpa, id: D, until: 2030-12-31, from: 2026-01-01}", [("contract.missing", "error")]),
        ("{type: dpa, id: D, until: 2030-12-31}", [("contract.missing", "error")] * 2),
        ("{type: dpa, id: D, signed: 2026-01-01}", [("contract.missing", "error")]),
        ("{type: dpa, id: D, signed: 2026-01-01, renewal: P1Y}", []),
        ("{type: dpa, id: D, signed: 2026-01-01, renewal: yearly}", [("contract.value", "error")]),
        ("{type: standard_terms, id: T, signed: 2026-01-01}", []),
        ("{type: standard_terms, id: T}", [("contract.missing", "error")]),
        ("{type: statutory_secrecy, id: S, from: 2024-01-01, law: Postal Act 64}", []),
        ("{type: statutory_secrecy, id: S, from: 2024-01-01}", [("contract.missing", "error")]),
        ("{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-01}", [("contract.value", "error")]),
        ("{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, covers: [address.*, person.name]}", []),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, covers: [adress.*]}",
            [("contract.value", "error")],
        ),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, covers: ['*']}",
            [("contract.value", "error")],
        ),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, on_lapse: {continue: [ship], for: P14D}}",
            [],
        ),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, on_lapse: {continue: [ship]}}",
            [("contract.value", "note")],
        ),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, on_lapse: {continue: [trakc], for: P14D}}",
            [("contract.value", "note")],
        ),
        (
            "{type: dpa, id: D, signed: 2026-01-02, until: 2026-01-02, on_lapse: {continue: [], for: P14D}}",
            [("contract.value", "error")],
        ),
    ],
)
def test_what_a_paper_lacks_is_found(paper: str, findings: list[tuple[str, str]], tmp_path: Folder) -> None:
    assert found(tmp_path, paper) == findings


def test_two_papers_of_one_name_are_found(tmp_path: Folder) -> None:
    assert found(tmp_path, PAPER, PAPER) == [("contract.value", "error")]


@pytest.mark.parametrize("category", Category)
def test_a_category_is_covered_by_itself_and_by_its_family(category: Category) -> None:
    family = f"{category.value.partition('.')[0]}.*"

    assert is_covered(category, (category.value,))
    assert is_covered(category, (family,))
    assert not is_covered(category, (category.value[:-1], "*", ".*"))


@pytest.mark.parametrize(
    ("transfer", "findings"),
    [
        ("{EU: none_domestic}", []),
        ("{EU: [none_domestic]}", []),
        ("{EU: {mechanism: none_domestic, to: [DE]}, default: scc}", []),
        ("{EU: []}", [("contract.value", "error")]),
        ("{EU: {mechanism: scc, to: [US]}}", [("contract.value", "error")]),
        ("{EU: none_domestic, GB: scc}", [("contract.value", "note")]),
        ("{EU: none_domestic, unknown: scc}", [("contract.value", "note")]),
        ("{EU: none_domestic, GB: none_domestic}", [("contract.value", "note")]),
        ("{EU: cn_standard_contract}", [("contract.value", "note")]),
        ("{EU: none_domestic, AU: scc}", []),
        ("{EU: dpf}", [("contract.missing", "error")]),
        ("{EU: {mechanism: dpf, until: 2027-07-10}}", []),
        ("{EU: {mechanism: scc, agreement: SCC-1}}", [("contract.value", "note")]),
        ("{EU: {mechanism: scc, agreement: DPA-1}}", []),
        ("{EU: {mechanism: scc, from: [shop-us]}}", [("contract.value", "error")]),
    ],
)
def test_what_a_mechanism_lacks_is_found(transfer: str, findings: list[tuple[str, str]], tmp_path: Folder) -> None:
    files = {**FILES, ACME: FILES[ACME].replace("transfer: {EU: none_domestic}", f"transfer: {transfer}")}

    assert [(each.code, each.level) for each in read_files(tmp_path, files)[1]] == findings
