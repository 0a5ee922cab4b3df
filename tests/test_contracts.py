"""The contracts that come with the gateway load without a finding, and their examples hold."""

from pathlib import Path

import pytest
from shipped import CONTRACTS as FOLDER
from shipped import repository

from gateway.contract.load import load
from gateway.contract.terms import Terms
from gateway.examples import rehearsed

CONTRACTS = repository()
TERMS = {terms.name: terms for terms in CONTRACTS.terms}


def test_there_is_nothing_to_say_about_them_but_of_the_file_into_which_nobody_can_look() -> None:
    assert {(note.file, note.fix) for note in CONTRACTS.notes} == {("stripe/create-file.yaml", "please ask why")}


@pytest.mark.parametrize("name", TERMS)
async def test_their_examples_hold(name: str) -> None:
    verdicts = await rehearsed(CONTRACTS, frozenset({name}))

    assert [problem for verdict in verdicts for problem in verdict.problems] == []
    assert len(verdicts) == len(TERMS[name].operation.examples) > 0


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_every_operation_shows_what_leaves_what_stays_and_what_comes_back(terms: Terms) -> None:
    examples = terms.operation.examples

    assert terms.operation.status == "enforce"
    assert any(example.sends and example.withholds for example in examples)
    assert any(example.returns for example in examples)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("      - $.crm\n", "", id="a place that stays and is not said to"),
        pytest.param('Cosmetics", "quantity', 'Serum", "quantity', id="another value is sent"),
        pytest.param("fields: [$.status]", "fields: [$.state]", id="something does not come back"),
        pytest.param("refuses: field.type", "refuses: field.required", id="another refusal"),
    ],
)
async def test_an_example_that_does_not_hold_would_be_noticed(old: str, new: str, tmp_path: Path) -> None:
    name = "parcelgate/create-shipment"
    shared, own = FOLDER.glob("*.yaml"), (FOLDER / "parcelgate").glob("*.yaml")
    for file in (*shared, *own):
        copy = tmp_path / file.relative_to(FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text("utf-8")
        copy.write_text(text.replace(old, new) if file.stem == "create-shipment" else text, "utf-8")

    verdicts = await rehearsed(load(tmp_path), frozenset({name}))

    assert any(verdict.problems for verdict in verdicts)
