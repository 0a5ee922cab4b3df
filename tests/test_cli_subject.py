"""What makes the record forget is a command, with a gateway running or without."""

import json
from pathlib import Path

import pytest
from clearances import placed
from processes import Machine
from shop_contracts import FILES
from shop_notices import CLAIM

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_keys_are_turned_over_beside_calls_and_without_a_gateway(machine: Machine) -> None:
    with machine.serving():
        beside = machine.typed("keys", "turnover")
    alone = machine.typed("keys", "turnover")
    entries = machine.listed("--kind", "key")

    assert "generation 2 is in force" in beside.stdout
    assert "generation 3 is in force" in alone.stdout
    told = [(each["generation"], each["state"]) for each in entries if "generation" in each]
    assert told == [(2, "destroyed"), (3, "created"), (1, "destroyed"), (2, "created"), (1, "created")]
    assert all(each["by"] for each in entries if each.get("generation") == 3)


@pytest.mark.parametrize("step", ["turnover-begun", "turnover-part", "turnover-wrapped", "turnover-ended"])
def test_a_turnover_that_is_killed_is_brought_to_its_end_by_the_next_start(machine: Machine, step: str) -> None:
    killed = Machine(machine.folder, settings={"FAILPOINTS": f"{step}=kill"})
    # Where nobody is known there is no key to be wrapped anew.
    assert machine.typed("facts", "put", "-", stdin=json.dumps(CONSENT)).returncode == 0

    assert killed.typed("keys", "turnover").returncode == -9
    entries = machine.listed("--kind", "key")

    told = sorted((each["generation"], each["state"]) for each in entries if "generation" in each)
    assert told == [(1, "created"), (1, "destroyed"), (2, "created")]
    assert "generation 3 is in force" in machine.typed("keys", "turnover").stdout


CONSENT = {"kind": "consent", "subject": "shopper-4711", "purpose": "delivery", "state": "given", "vendor": "parcels"}
ORDER = {
    "kind": "order",
    "order": "A-1",
    "people": [{"role": "payer", "subject": "shopper-4711", "jurisdiction": "DE"}],
}


def seen(machine: Machine, *secrets: str) -> set[str]:
    """Which of these texts stand in a file of the data folder."""
    files = [each for each in (machine.folder / "data").iterdir() if each.is_file()]
    return {secret for secret in secrets for file in files if secret.encode() in file.read_bytes()}


def test_a_person_is_erased_beside_calls_and_without_a_gateway(machine: Machine) -> None:
    for serving in (True, False):
        machine.typed("facts", "put", "-", stdin=json.dumps([CONSENT, ORDER]))
        assert seen(machine, "shopper-4711") == {"shopper-4711"}
        if serving:
            with machine.serving():
                done = machine.asked("subject", "erase", "shopper-4711", "--reason", "request")
        else:
            done = machine.asked("subject", "erase", "shopper-4711", "--reason", "request")
        assert (done["links"], done["keys"]) == (1, 1)
        assert seen(machine, "shopper-4711") == set()
    again = machine.typed("subject", "erase", "shopper-4711", "--reason", "request")
    assert "erased: 0 links and 0 keys" in again.stdout


STEPS = (
    "after-forget", "erasure-entered", "erasure-counted", "erasure-destroyed", "registry-erased", "erasure-told",
    "erasure-wiped",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_that_is_killed_is_brought_to_its_end_by_the_next_start(machine: Machine, step: str) -> None:
    machine.typed("facts", "put", "-", stdin=json.dumps([CONSENT, ORDER]))
    killed = Machine(machine.folder, settings={"FAILPOINTS": f"{step}=kill"})
    assert killed.typed("subject", "erase", "shopper-4711", "--reason", "request").returncode == -9

    machine.typed("ledger", "checkpoint")
    if step == "after-forget":
        # The entry was not in the ledger yet, so nothing has begun.
        assert seen(machine, "shopper-4711") == {"shopper-4711"}
        machine.typed("subject", "erase", "shopper-4711", "--reason", "request")

    assert seen(machine, "shopper-4711") == set()
    told = machine.typed("ledger", "list", "--kind", "erase", "--json").stdout
    assert (told.count('"pending"'), told.count('"done"')) == (1, 1)


def test_a_person_on_hold_is_not_erased_and_the_reason_is_said(machine: Machine) -> None:
    machine.typed("facts", "put", "-", stdin=json.dumps([CONSENT]))
    held = machine.typed("subject", "hold", "shopper-4711", "--reason", "court-order", "--until", "2999-12-31")
    refused = machine.typed("subject", "erase", "shopper-4711", "--reason", "request", "--force")
    released = machine.typed("subject", "release", "shopper-4711")
    erased = machine.typed("subject", "erase", "shopper-4711", "--reason", "request")

    assert held.stdout.startswith("held until the end of 2999-12-31; entry ")
    assert refused.returncode == 1
    assert "erasure.held" in refused.stderr
    assert "gateway subject release" in refused.stderr
    assert released.stdout == "1 hold is released\n"
    assert "erased: 3 links and 1 key;" in erased.stdout


def test_a_hold_that_would_hold_nothing_is_refused_and_a_number_that_nobody_has_is_asked_about(
    machine: Machine,
) -> None:
    machine.typed("token", "issue", "--service", "fulfilment")

    over = machine.typed("subject", "hold", "shopper-4711", "--reason", "court-order", "--until", "2020-01-01")
    none = machine.typed("subject", "erase", "shopper-4711", "--reason", "request")

    assert (over.returncode, "until: this day is over" in over.stderr) == (1, True)
    assert none.stdout.startswith("erased: 0 links and 0 keys; entry ")
    assert "Nothing was known of this number." in none.stdout


@pytest.mark.parametrize("reason", ["because Ann asked for it", "shopper-4711", "about-shopper-4711", ""])
def test_a_reason_is_a_word_and_says_nobody(machine: Machine, reason: str) -> None:
    refused = machine.typed("subject", "erase", "shopper-4711", "--reason", reason)

    assert refused.returncode == 1
    assert "4711" not in refused.stderr


def test_who_received_a_persons_data_is_shown_and_what_they_ask(machine: Machine) -> None:
    said = ("--case", "CS-1", "--reason", "asked by letter", "--verified", "document")
    with machine.serving():
        report = machine.asked("subject", "report", "c-17", *said)
        page = machine.typed("subject", "report", "c-17", *said, "--form", "html", "--language", "zh")
        shown = machine.typed("subject", "report", "c-17", *said)
        waiting = machine.asked("subject", "requests")
        unchecked = machine.typed("subject", "report", "c-17", "--case", "CS-1", "--reason", "asked by letter")
        looks = machine.listed("--kind", "access", "--subject", "c-17")

    assert (report["disclosures"], report["identity"]) == ([], "document")
    assert page.stdout.startswith("<!doctype html>")
    assert report["channels"][0]["said"]["en"] in shown.stdout
    assert waiting == {"requests": []}
    assert unchecked.returncode == 2
    assert [(each["action"], each["why"]) for each in looks] == [("report", "asked by letter")] * 3


def test_what_went_beside_the_gateway_is_shown_as_that(tmp_path: Path) -> None:
    machine = Machine(tmp_path, files=placed({**FILES, "parcels/claim.yaml": CLAIM}))
    said = ("--case", "CS-1", "--reason", "asked by letter", "--verified", "document")
    who = ("--subject", "c-88", "--role", "consignee", "--happened", "2026-03-02T10:00:00Z")
    with machine.serving():
        recorded = machine.typed("disclosure", "record", "parcels/claim", *who)
        again = machine.typed("disclosure", "record", "parcels/claim", *who)
        shown = machine.typed("subject", "report", "c-88", *said)

    assert recorded.stdout.startswith("recorded; entry ")
    assert again.stdout == f"recorded before; entry {recorded.stdout.split()[-1]}\n"
    assert "not through the gateway" in shown.stdout
    assert "2026-03-02T10:00" in shown.stdout
