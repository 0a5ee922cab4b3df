"""Who takes more of the record out than anybody may alone says what for, and somebody else grants it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from processes import Machine
from pydantic import ValidationError
from running import Running, running

from gateway.bulk_looks import Proposal
from gateway.clock import utc
from gateway.vocabulary import Role

MOST = 4
YEARLY: dict[str, Any] = {"entries": 10, "reason": "the yearly audit"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, entries_a_day=MOST) as gateway:
        gateway.ship()
        yield gateway


def done(gateway: Running, path: str, by: str, role: Role = Role.REVIEWER, /, **body: Any) -> dict[str, Any]:
    request = gateway.raw("POST", path, body=json.dumps(body).encode(), token=gateway.token(by, role=role))
    told: dict[str, Any] = json.loads(gateway.said(request, operators=True).payload)
    return told


def proposed(gateway: Running, by: str = "rita", who: str | None = None) -> str:
    return str(done(gateway, "/bulk-looks", by, **YEARLY, who=who)["result"]["id"])


def looked(gateway: Running, limit: int, who: str = "rita") -> str:
    """The code with which a look is refused; nothing where it is not."""
    return str(done(gateway, "/entries", who, limit=limit).get("code", ""))


def test_what_two_people_decided_is_taken_out_up_to_its_number_and_each_look_names_it(gateway: Running) -> None:
    look = proposed(gateway)
    before = looked(gateway, 5)
    granted = done(gateway, f"/bulk-looks/{look}/grant", "dora", Role.DECIDER)["result"]
    codes = [looked(gateway, limit) for limit in (4, 6, 5, 4, 1)]
    of_others = looked(gateway, 5, "olga")

    looks = [each for each in gateway.record(kind="access") if each["reviewer"] == "rita"][::-1]
    steps = [each for each in gateway.record(kind="fact") if each["fact"] == f"bulk_look:{look}"]
    request = gateway.raw("GET", "/reports/bulk-looks", token=gateway.token("olga", role=Role.REVIEWER))
    [row] = json.loads(gateway.said(request, operators=True).payload)["rows"]
    assert [row[name] for name in ("look", "who", "why")] == [look, "rita", "the yearly audit"]
    assert (row["by"], row["entries"], row["looks"], row["taken"]) == (["rita", "dora"], 10, 2, 10)
    assert before == of_others == "access.bulk"
    assert (granted["state"], granted["who"], granted["granted_by"]) == ("granted", "rita", "dora")
    assert codes == ["", "", "access.bulk", "", "access.bulk"]
    assert [(each["found"], each.get("grant"), each.get("refused")) for each in looks] == [
        (0, None, "access.bulk"), (4, None, None), (6, look, None), (0, None, "access.bulk"), (4, look, None),
        (0, None, "access.bulk"),
    ]  # fmt: skip
    assert {each.get("why", "") for each in looks} == {"", "the yearly audit"}
    assert [(each["state"], each["by"], each["count"]) for each in steps] == [
        ("granted", "dora", 10), ("proposed", "rita", 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("who", "role", "code"),
    [
        ("rita", Role.DECIDER, "exceptional.same_approver"),
        ("anna", Role.DPO, "exceptional.same_approver"),
        ("otto", Role.OPERATOR, "caller.role"),
        ("sam", Role.STEWARD, "caller.role"),
        ("dora", Role.DECIDER, ""),
        ("dora", Role.DPO, ""),
    ],
)
def test_neither_who_proposes_it_nor_who_looks_grants_it(gateway: Running, who: str, role: Role, code: str) -> None:
    look = proposed(gateway, "anna", who="rita")

    assert done(gateway, f"/bulk-looks/{look}/grant", who, role).get("code", "") == code
    assert looked(gateway, 5, "rita") == ("access.bulk" if code else "")
    assert looked(gateway, 5, "anna") == "access.bulk"


def test_a_bulk_look_ends_at_its_hour_or_when_somebody_ends_it(gateway: Running) -> None:
    first, second = proposed(gateway), proposed(gateway, "olga")
    for look in (first, second):
        done(gateway, f"/bulk-looks/{look}/grant", "dora", Role.DECIDER)
    ended = done(gateway, f"/bulk-looks/{first}/end", "otto", Role.OPERATOR)["result"]["state"]
    codes = [looked(gateway, 5, who) for who in ("rita", "olga")]
    late = utc() + timedelta(hours=4)
    gateway.stores.registry.now = lambda: late
    request = gateway.raw("GET", "/bulk-looks", token=gateway.token("rita", role=Role.REVIEWER))
    listed = json.loads(gateway.said(request, operators=True).payload)["result"]

    assert ended == "ended"
    assert codes == ["access.bulk", ""]
    assert looked(gateway, 5, "olga") == "access.bulk"
    assert {each["id"]: each["state"] for each in listed} == {first: "ended", second: "over"}
    assert done(gateway, f"/bulk-looks/{first}/grant", "dora", Role.DECIDER)["code"] == "request.invalid"


def test_what_was_taken_under_a_bulk_look_counts_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, entries_a_day=MOST) as gateway:
        look = proposed(gateway)
        done(gateway, f"/bulk-looks/{look}/grant", "dora", Role.DECIDER)
        first = looked(gateway, 7)
    with running(tmp_path, entries_a_day=MOST) as gateway:
        codes = [looked(gateway, limit) for limit in (5, 4, 3, 3)]

    assert first == ""
    assert codes == ["access.bulk", "", "", "access.bulk"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"entries": 0},
        {"entries": 2**53},
        {"hours": 25},
        {"hours": 0},
        {"reason": ""},
        {"reason": "zoe@example.com asked"},
        {"reason": "called +49 170 1234567"},
        {"who": "Zoe Müller"},
        {"until": "2027-01-01"},
    ],
    ids=repr,
)
def test_what_a_bulk_look_cannot_be_is_not_taken(wrong: dict[str, object]) -> None:
    assert Proposal.model_validate(YEARLY).hours == 4
    with pytest.raises(ValidationError):
        Proposal.model_validate(YEARLY | wrong)


@pytest.mark.slow
def test_an_export_by_the_command_line_goes_on_once_somebody_else_grants_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, settings={"ENTRIES_A_DAY": "3"})
    with machine.serving():
        roles = {"rita": "auditor", "dora": "decider"}
        tokens = {
            who: machine.asked("token", "issue", "--service", who, "--role", role)["token"]
            for who, role in roles.items()
        }
        refused = machine.typed("ledger", "export", "out")
        checked = machine.typed("ledger", "verify")
        me = machine.asked("ledger", "list", "--limit", "1")["watermark"]["by"]
        look = machine.asked(
            "bulk-look", "propose", "--entries", "500", "--reason", "the yearly audit", "--who", me,
            "--token", tokens["rita"],
        )["id"]  # fmt: skip
        same = machine.typed("bulk-look", "grant", look, "--token", tokens["rita"])
        granted = machine.typed("bulk-look", "grant", look, "--token", tokens["dora"])
        exported = machine.typed("ledger", "export", "out")
        listed = machine.typed("bulk-look", "list", "--token", tokens["dora"])
        ended = machine.typed("bulk-look", "end", look, "--token", tokens["dora"])
        after = machine.typed("ledger", "export", "more")

    manifest = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (refused.returncode, checked.returncode, same.returncode, granted.returncode) == (1, 0, 1, 0)
    assert "access.bulk: " in refused.stderr
    assert "gateway bulk-look propose" in refused.stderr
    assert not (tmp_path / "more").exists() or not list((tmp_path / "more").iterdir())
    assert " is granted until " in granted.stdout
    assert exported.returncode == 0, exported.stderr
    assert manifest["watermark"]["by"] == me
    assert "the yearly audit" in listed.stdout
    assert (ended.stdout, after.returncode) == (f"{look} is ended\n", 1)
