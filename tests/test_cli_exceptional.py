"""Cases outside contracts from the command line, by people who have a token each."""

import json
from pathlib import Path

import pytest
from demands import DOCUMENT, LEGAL
from processes import Machine

pytestmark = pytest.mark.slow
LEFT = b'{"orders":[{"number":"A-1","recipient":{"name":"Ann Qz7canary","city":"Berlin"}}]}'


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_case_goes_its_way_from_the_request_to_the_telling(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "document.json").write_bytes(DOCUMENT)
    with machine.serving():
        tokens = {
            name: machine.typed("token", "issue", "--service", name, "--role", role).stdout.strip()
            for name, role in (("stella", "steward"), ("dora", "decider"))
        }

        def typed(who: str, *words: str, stdin: str = "") -> str:
            return machine.typed("exceptional", *words, "--token", tokens[who], stdin=stdin).stdout

        wrong = machine.typed("exceptional", "request", "-", "--token", tokens["stella"], stdin='{"scenario": "fun"}')
        case = json.loads(typed("stella", "request", "-", "--json", stdin=json.dumps(LEGAL)))["case"]
        early = machine.typed("exceptional", "approve", case, "--token", tokens["stella"])
        waiting = typed("dora", "list")
        approved = typed("dora", "approve", case)
        nowhere = machine.typed(
            "exceptional", "send", case, "document.json", "--handover", "portal", "--out", "nowhere",
            "--token", tokens["stella"],
        )  # fmt: skip
        unwritable = machine.typed(
            "exceptional", "send", case, str(tmp_path / "document.json"), "--handover", "portal", "--out", "/proc",
            "--token", tokens["stella"],
        )  # fmt: skip
        sent = typed(
            "stella", "send", case, str(tmp_path / "document.json"), "--handover", "portal", "--out", str(tmp_path)
        )
        due = typed("stella", "due")
        told = typed("stella", "told", case, "--how", "by letter")
        listed = json.loads(typed("dora", "list", "--json"))
        shown = json.loads(typed("dora", "show", case))

    alone = machine.typed("exceptional", "list", "--token", tokens["dora"])
    assert (wrong.returncode, early.returncode, alone.returncode) == (1, 1, 1)
    assert "caller.role" in early.stderr
    assert "no folder" in nowhere.stderr
    # And it is not on record as sent: the next one is.
    assert (unwritable.returncode, "/proc" in unwritable.stderr) == (1, True)
    assert "no gateway is running" in alone.stderr
    assert "approve" in waiting.splitlines()[-1]
    assert "state: approved" in approved
    assert "awaits: send" in approved
    assert "abroad: no" in approved
    assert "Qz7canary" not in sent
    assert (tmp_path / f"{case}.json").read_bytes() == LEFT
    assert (tmp_path / f"{case}.json").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.glob("*.json")) == sorted((f"{case}.json", "document.json"))
    assert "exceptional.tell" in due
    assert "state: sent" in told
    assert [each["case"] for each in listed] == [case]
    assert [step["step"] for step in shown["steps"]] == ["request", "approve", "send", "told"]
