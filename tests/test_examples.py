"""An example fails wherever a contract does anything but what it says."""

from pathlib import Path

import pytest
from clearances import loaded, placed
from shop_contracts import FILES
from small_contracts import WHOLE, changed, read_files

from gateway.examples import Verdict, rehearsed

SHIP = "parcels/ship.yaml"
EXAMPLE = """
  - name: one
    given: |
      POST /shipments?label=a4&debug=1
      Parcels-Version: 3

      {"reference": "A-1", "weight": 1.50, "note": "x"}
    sends: |
      @first
      Parcels-Version: @version

      @body
    withholds: @stays
    answers: |
      201
      Parcels-Depot: 7

      {"tracking": "T-1", "status": "ok", "driver": "Bob"}
    returns: |
      @status
      Parcels-Depot: @depot

      @back
"""
TRUE = {
    "first": "POST /shipments?label=a4",
    "version": "3",
    "body": '{"reference": "psn_*", "weight": 1.50}',
    "stays": "[query:debug, $.note]",
    "status": "201",
    "depot": "7",
    "back": '{"tracking": "T-1", "status": "ok"}',
}
REFUSED = """
  - name: one
    given: |
      POST /shipments

      {"reference": "A-1"}
    refuses: field.required
"""
ORDERED_GIVEN = 'given: |\n      POST /ship/P-1\n\n      {"order": "A-1"}\n'
ORDERED_SENDS = 'sends: |\n      POST /ship/P-1\n\n      {"order": "psn_*"}\n'


async def verdict(example: str) -> Verdict:
    """What is said of a set in which this is the only example of the parcel."""
    head, _, _ = FILES[SHIP].partition("examples:\n")
    contracts = loaded(dict(FILES) | {SHIP: f"{head}examples:{example}"})
    [found] = await rehearsed(contracts, frozenset({"parcels/ship"}))
    return found


async def test_an_example_without_what_the_vendor_requires_does_not_hold() -> None:
    head, _, _ = FILES[SHIP].partition("examples:\n")
    head = head.replace("  max_bytes: 8 KiB\n", "  vendor_requires: [$.weight, $.to.email, header:Authorization]\n")
    contracts = loaded(dict(FILES) | {SHIP: f"{head}examples:{told()}"})

    [found] = await rehearsed(contracts, frozenset({"parcels/ship"}))

    assert found.problems == ("sends: without $.to.email, which the vendor requires",)


def told(**changed: str) -> str:
    """The example as it is true, but for what is changed."""
    text = EXAMPLE
    for name, said in (TRUE | changed).items():
        text = text.replace(f"@{name}", said)
    return text


@pytest.mark.parametrize("example", [told(), REFUSED], ids=["sent", "refused"])
async def test_an_example_that_is_true_holds(example: str) -> None:
    assert await verdict(example) == Verdict("parcels/ship", SHIP, "one", ())


FALSE = {
    "another method": ({"first": "PUT /shipments?label=a4"}, "sends: POST /api/shipments instead of PUT /shipments"),
    "another path": ({"first": "POST /parcels?label=a4"}, "sends: POST /api/shipments instead of POST /parcels"),
    "another query": ({"first": "POST /shipments?label=a5"}, "sends: the query label=a4 instead of label=a5"),
    "more in the query": ({"first": "POST /shipments?label=a4&debug=1"}, "sends: the query"),
    "another header": ({"version": "4"}, "sends: the headers"),
    "another value": ({"body": '{"reference": "psn_*", "weight": 1.5}'}, "sends: {"),
    "no pseudonym": ({"body": '{"reference": "A-1", "weight": 1.50}'}, "sends: {"),
    "another order": ({"body": '{"weight": 1.50, "reference": "psn_*"}'}, "sends: {"),
    "more than leaves": ({"body": '{"reference": "psn_*", "weight": 1.50, "note": "x"}'}, "sends: {"),
    "one place less": ({"stays": "[$.note]"}, "withholds: query:debug stayed too"),
    "one place more": ({"stays": "[query:debug, $.note, $.a]"}, "withholds: $.a did not stay"),
    "another status": ({"status": "200"}, "returns: 201 instead of 200"),
    "another header back": ({"depot": "8"}, "returns: the header parcels-depot is 7 instead of 8"),
    "more back": ({"back": '{"tracking": "T-1", "status": "ok", "driver": "Bob"}'}, "returns: {"),
}


@pytest.mark.parametrize(("changed", "problem"), FALSE.values(), ids=FALSE.keys())
async def test_an_example_that_is_not_true_says_what_is_otherwise(changed: dict[str, str], problem: str) -> None:
    [found] = (await verdict(told(**changed))).problems

    assert found.startswith(problem)


async def test_a_refusal_that_was_not_expected_is_a_problem_and_so_is_one_with_another_code() -> None:
    refused = await verdict(told().replace('"weight": 1.50, "note"', '"note"'))
    other = await verdict(REFUSED.replace("field.required", "field.type"))
    none = await verdict(REFUSED.replace('"A-1"}', '"A-1", "weight": 1}'))

    assert refused.problems == ("refused: field.required: $.weight",)
    assert other.problems == ("refuses: field.type was expected, field.required: $.weight",)
    assert none.problems == ("refuses: field.required was expected, nothing was refused",)


async def test_a_call_that_leaves_nothing_is_told_from_one_that_is_refused_and_one_that_is_sent() -> None:
    refused = await verdict(REFUSED.replace("refuses: field.required", "sends: nothing"))
    sent = await verdict(REFUSED.replace("refuses: field.required", "sends: nothing").replace("}", ', "weight": 1}'))

    assert refused.problems == ("refused: field.required: $.weight",)
    assert sent.problems == ("it was sent",)


async def test_only_the_chosen_operations_are_rehearsed() -> None:
    verdicts = await rehearsed(loaded(), frozenset({"faults/survey", "parcels/track"}))

    assert {each.contract for each in verdicts} == {"faults/survey", "parcels/track"}


async def test_every_example_of_this_shop_holds() -> None:
    contracts = loaded()

    verdicts = await rehearsed(contracts, frozenset(terms.name for terms in contracts.terms))

    assert len(verdicts) == len(contracts.terms)
    assert [verdict for verdict in verdicts if verdict.problems] == []


async def test_a_long_example_may_stand_in_a_file_beside_the_contract(tmp_path: Path) -> None:
    example = "\n  - name: one\n    given: {file: big.http}\n    refuses: field.required\n"
    head, _, _ = FILES[SHIP].partition("examples:\n")
    files = dict(FILES) | {
        SHIP: f"{head}examples:{example}",
        "parcels/big.http": 'POST /shipments\n\n{"reference":"A"}',
    }
    contracts, _ = read_files(tmp_path, placed(files))
    assert contracts is not None

    [found] = await rehearsed(contracts, frozenset({"parcels/ship"}))

    assert found.problems == ()


UNNAMED = "no consignee is known for this call, which has no order's number at $.order"


@pytest.mark.parametrize("level", ["known", "live"])
async def test_in_examples_every_order_that_the_call_names_is_known_and_open(level: str, tmp_path: Path) -> None:
    files = changed("acme/ship.yaml", "{order: $.order, ", f"{{order: $.order, level: {level}, ", WHOLE)
    unnamed = changed(
        "acme/ship.yaml", "given: |\n      POST /ship/P-1\n", "given: |\n      POST /ship/P-1\n\n      {}\n", files
    )
    silent, _ = read_files(tmp_path / "silent", unnamed)
    named = changed("acme/ship.yaml", "given: |\n      POST /ship/P-1\n", ORDERED_GIVEN, files)
    named = changed("acme/ship.yaml", "sends: |\n      POST /ship/P-1\n", ORDERED_SENDS, named)
    whole, findings = read_files(tmp_path / "named", named)
    assert silent is not None
    assert whole is not None, findings

    chosen = frozenset({"acme/ship"})
    problems = [[verdict.problems for verdict in await rehearsed(each, chosen)] for each in (whole, silent)]

    assert problems == [[()], [(f"refused: subject.unresolved: {UNNAMED}",)]]


PART = '--{0}\n      Content-Disposition: form-data; name="name"\n\n      Zoe\n      --{0}--'


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ("multipart/form-data; boundary=mine", ()),
        ("multipart/form-data", ()),
        ("multipart/mixed; boundary=mine", ("headers",)),
    ],
)
async def test_which_boundary_the_parts_leave_with_is_no_matter_of_an_example(
    said: str, problems: tuple[str, ...], tmp_path: Path
) -> None:
    parts = PART.format("mine")
    files = changed(
        "acme/ship.yaml",
        "  body: json\n  groups:\n    - why: The driver",
        "  body: multipart\n  groups:\n    - why: The driver",
        WHOLE,
    )
    files = changed("acme/ship.yaml", "{order: $.order, ", "{order: path:parcel, ", files)
    files = changed(
        "acme/ship.yaml",
        "given: |\n      POST /ship/P-1\n",
        f"given: |\n      POST /ship/P-1\n      Content-Type: multipart/form-data; boundary=mine\n\n      {parts}\n",
        files,
    )
    files = changed(
        "acme/ship.yaml",
        "sends: |\n      POST /ship/P-1\n",
        f"sends: |\n      POST /ship/P-1\n      Content-Type: {said}\n\n      {parts}\n",
        files,
    )
    contracts, findings = read_files(tmp_path, files)
    assert contracts is not None, findings

    [found] = await rehearsed(contracts, frozenset({"acme/ship"}))

    assert len(found.problems) == len(problems)
    assert all(each in problem for each, problem in zip(problems, found.problems, strict=True))
