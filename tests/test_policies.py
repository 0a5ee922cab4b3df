"""A version of the policy decides nothing until it is published, and from that answer on it decides everything."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clearances import NOON, POLICY, asked, codes, given
from processes import Machine
from running import Running, running
from shop_contracts import FILES
from sockets import Reply

from gateway import app, failpoints
from gateway.contract.model import PolicyVersion
from gateway.errors import StartError
from gateway.frozen import changed
from gateway.identity import Caller
from gateway.registry.facts import Papers
from gateway.vocabulary import Purpose, Role

DIGEST = "sha256:" + "ab" * 32
PURPOSES = [
    "delivery",
    "customs_clearance",
    "delivery_notification",
    "payment_settlement",
    "after_sales",
    "fault_repair",
]
SAME: dict[str, Any] = {
    "version": "2",
    "document": DIGEST,
    "purposes": PURPOSES,
    "vendor_kinds": ["logistics", "payment", "maintenance"],
}
NARROW: dict[str, Any] = SAME | {"purposes": [each for each in PURPOSES if each != "delivery_notification"]}
PLANNED = """\
  - version: planned
    published: 2095-01-01T00:00:00+01:00
    document: sha256:1111111111111111111111111111111111111111111111111111111111111111
    purposes: [delivery]
    vendor_kinds: [logistics]
"""


@pytest.fixture(autouse=True)
def _unarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as gateway:
        yield gateway


def done(gateway: Running, way: str, *, role: Role = Role.STEWARD, **body: object) -> dict[str, Any]:
    """What a step was answered with: its result, or the problem."""
    method, path = way.split(" ")
    who = gateway.token("stella", role=role)
    said = gateway.said(gateway.raw(method, path, body=json.dumps(body).encode(), token=who), operators=True)
    told: dict[str, Any] = json.loads(said.payload)
    result: dict[str, Any] = told.get("result", told)
    return result


def page(gateway: Running, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        gateway.said(gateway.raw("GET", f"/public/{name}", token=""), operators=True).payload
    )
    return told


def published(gateway: Running, **version: Any) -> dict[str, Any]:
    done(gateway, "POST /policies", **version)
    return done(gateway, f"POST /policies/{version['version']}/publish")


def intents(gateway: Running) -> list[str]:
    """Under which version each call went, the newest first."""
    return [each["policy"] for each in gateway.record(kind="intent")]


def test_a_draft_decides_nothing_and_what_is_published_decides_the_next_call(gateway: Running) -> None:
    through = gateway.ship()
    drafted = done(gateway, "POST /policies", **NARROW)
    # Whatever makes a node look its papers up again shows it the draft too.
    gateway.put({"kind": "review", "vendor": "parcels", "held": "2026-01-01", "next": "2095-01-01"})
    still = gateway.ship()
    shown = page(gateway, "policy")
    told = done(gateway, "POST /policies/2/publish")
    stopped = gateway.ship()

    assert (through.status, still.status) == (200, 200)
    assert drafted["state"] == "draft"
    assert shown["version"] == "1"
    assert (told["state"], told["published_by"]) == ("published", "stella")
    assert (stopped.status, stopped.code) == (403, "policy.purpose")
    assert intents(gateway) == ["1", "1"]
    assert page(gateway, "policy")["version"] == "2"


def test_the_next_call_goes_under_the_version_that_was_published(gateway: Running) -> None:
    gateway.ship()
    published(gateway, **SAME)
    gateway.ship()
    published(gateway, **SAME | {"version": "3"})
    gateway.ship()

    assert intents(gateway) == ["3", "2", "1"]


def test_each_step_is_on_record_with_who_took_it(gateway: Running) -> None:
    done(gateway, "POST /policies", role=Role.DPO, **NARROW)
    done(gateway, "POST /policies", **NARROW)
    done(gateway, "POST /policies/2/publish")
    done(gateway, "POST /policies", **SAME | {"version": "3"})
    done(gateway, "POST /policies/3/drop")

    steps = [(each["fact"], each["state"]) for each in gateway.record(kind="fact") if each["fact"][:7] == "policy:"]
    newest, first = gateway.record(kind="policy")
    assert steps == [("policy:3", "dropped"), ("policy:3", "drafted"), ("policy:2", "drafted"), ("policy:2", "drafted")]
    assert (newest["version"], newest["digest"], newest["by"]) == ("2", DIGEST, "stella")
    assert (first["version"], "by" in first) == ("1", False)


def test_a_draft_is_told_what_it_changes_and_which_operations_would_stop(gateway: Running) -> None:
    told = done(gateway, "POST /policies", **NARROW)

    assert told["changes"] == [
        {"field": "document", "added": [DIGEST], "removed": ["sha256:" + "0" * 64]},
        {"field": "purposes", "added": [], "removed": ["delivery_notification"]},
    ]
    assert told["widens"] is False
    assert {each["operation"] for each in told["stops"]} >= {"parcels/ship"}
    assert {each["code"] for each in told["stops"]} == {"policy.purpose"}
    assert (told["opens"], told["renew"], told["same_text"]) == ([], [], False)
    assert done(gateway, "POST /policies", **NARROW | {"document": "sha256:" + "0" * 64})["same_text"] is True


def test_a_rehearsal_tells_which_calls_would_have_stopped_and_changes_nothing(gateway: Running) -> None:
    gateway.ship()
    done(gateway, "POST /policies", **NARROW)
    told = done(gateway, "POST /policies/2/publish", rehearsed=True)
    harmless = done(gateway, "POST /policies", **SAME | {"version": "3"})

    assert [(each["operation"], each["code"], each["calls"]) for each in told["stopped"]] == [
        ("parcels/ship", "policy.purpose", 1)
    ]
    assert told["state"] == "draft"
    assert gateway.ship().status == 200
    assert harmless["stops"] == []
    assert done(gateway, "POST /policies/3/publish", rehearsed=True)["stopped"] == []
    assert [each["version"] for each in gateway.record(kind="policy")] == ["1"]


def test_history_has_drafts_plans_and_every_version_with_who_and_when(tmp_path: Path) -> None:
    files = dict(FILES) | {"policy.yaml": FILES["policy.yaml"] + PLANNED}
    with running(tmp_path, files=files) as gateway:
        published(gateway, **SAME)
        done(gateway, "POST /policies", **SAME | {"version": "3"})
        found: Any = done(gateway, "GET /policies")
        [newest, oldest] = page(gateway, "policy/history")["versions"]

    told = [(each["version"], each["state"], each.get("published_by"), each.get("in_force")) for each in found]
    assert told == [
        ("3", "draft", None, None),
        ("planned", "planned", "policy.yaml", None),
        ("2", "published", "stella", True),
        ("1", "published", "policy.yaml", False),
    ]
    assert [each["field"] for each in found[2]["changes"]] == ["document"]
    assert (found[2]["widens"], found[3]["widens"]) == (False, True)
    assert (newest["version"], newest["document"], oldest["version"]) == ("2", DIGEST, "1")
    shown = datetime.fromisoformat(newest["published"])
    assert shown == datetime.fromisoformat(found[2]["published"]).replace(microsecond=0)
    assert str(shown.utcoffset()) in ("1:00:00", "2:00:00")


def test_a_diff_tells_field_by_field_what_is_new_and_gone(gateway: Running) -> None:
    first = SAME | {"receives": {"logistics": ["person.name", "address.*"]}}
    published(gateway, **first)
    done(gateway, "POST /policies", **first | {
        "version": "3", "vendor_kinds": ["logistics", "payment"],
        "receives": {"logistics": ["person.name", "contact.phone"]},
    })  # fmt: skip

    told = done(gateway, "GET /policies/3/diff")
    before = done(gateway, "GET /policies/2/diff?from=1")
    itself = done(gateway, "GET /policies/1/diff?from=1")
    fields = {each["field"]: (each["added"], each["removed"]) for each in told["changes"]}

    assert (told["from"], told["to"], told["widens"]) == ("2", "3", True)
    assert set(fields) == {"vendor_kinds", "receives.logistics"}
    assert fields["vendor_kinds"] == ([], ["maintenance"])
    assert fields["receives.logistics"][0] == ["contact.phone"]
    assert "address.city" in fields["receives.logistics"][1]
    assert [each["field"] for each in before["changes"]] == ["document", "receives.logistics"]
    assert itself["changes"] == []


def test_what_a_kind_of_vendor_may_receive_stands_on_the_public_pages(gateway: Running) -> None:
    published(gateway, **SAME | {"receives": {"logistics": ["person.name"]}})

    shown = page(gateway, "policy")
    [newest, _] = page(gateway, "policy/history")["versions"]
    html = gateway.said(
        gateway.raw("GET", "/public/policy/history?lang=zh", "Accept: text/html", token=""), operators=True
    ).payload.decode()

    assert [each["code"] for each in shown["receives"]] == ["logistics"]
    assert [each["code"] for each in shown["receives"][0]["categories"]] == ["person.name"]
    assert "address.city" in [each["code"] for each in newest["changes"]["receives.logistics"]["removed"]]
    assert "可接收的信息 (物流配送)" in html


def test_who_is_no_recipient_under_what_was_published_is_shown_as_none(gateway: Running) -> None:
    before = {each["name"] for each in page(gateway, "recipients")["recipients"]}
    published(gateway, **SAME | {"vendor_kinds": ["payment", "maintenance"]})
    after = page(gateway, "recipients")

    assert before - {each["name"] for each in after["recipients"]} == {"Parcels GmbH"}
    assert after["policy"] == "2"


def test_whose_paper_was_ended_is_no_recipient_any_more(gateway: Running) -> None:
    gateway.put({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1"})

    assert "Parcels GmbH" not in {each["name"] for each in page(gateway, "recipients")["recipients"]}


WRONG: Mapping[str, Mapping[str, object]] = {
    "a purpose that there is not": {"purposes": ["growth_hacking"]},
    "a kind that there is not": {"vendor_kinds": ["advertising"]},
    "no digest": {"document": "sha256:1"},
    "a moment of its own": {"published": "2026-01-01T00:00:00+01:00"},
    "a category that there is not": {"receives": {"logistics": ["person.mood"]}},
    "a name that no address takes": {"version": "2/3"},
    "the name of one that is out": {"version": "1"},
}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway in which nothing is published."""
    with running(
        tmp_path_factory.mktemp("policies"), files=dict(FILES) | {"policy.yaml": FILES["policy.yaml"] + PLANNED}
    ) as it:
        yield it


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_no_version_can_be_is_not_drafted(still: Running, wrong: Mapping[str, object]) -> None:
    told = done(still, "POST /policies", **SAME | dict(wrong))

    assert told["code"] == "request.invalid"
    assert done(still, f"POST /policies/{SAME['version']}/drop")["code"] == "request.invalid"


@pytest.mark.parametrize("way", ["POST /policies/9/publish", "POST /policies/9/drop", "GET /policies/9"])
def test_of_what_is_not_there_the_register_says_so(still: Running, way: str) -> None:
    told = done(still, way)

    assert told["code"] == "request.invalid"
    assert "`gateway policy history` lists" in told["message"]


@pytest.mark.parametrize("body", [b"[]", b"false", b'{"dry_run": true}', b'{"rehearsed": 2}'])
def test_what_is_not_asked_plainly_publishes_nothing(still: Running, body: bytes) -> None:
    done(still, "POST /policies", **SAME)
    raw = still.raw("POST", "/policies/2/publish", body=body, token=still.token("stella", role=Role.STEWARD))

    assert still.said(raw, operators=True).status == 422
    assert page(still, "policy")["version"] == "1"
    done(still, "POST /policies/2/drop")


def test_a_name_that_the_file_plans_is_taken(still: Running) -> None:
    assert "already" in done(still, "POST /policies", **SAME | {"version": "planned"})["message"]


def test_where_a_file_contradicts_the_register_nothing_goes() -> None:
    """As on a node that was started with another file before the version was published."""
    [filed] = POLICY.versions
    same = filed.model_copy(update={"published": NOON - timedelta(days=1), "purposes": filed.purposes[::-1]})
    other = same.model_copy(update={"purposes": (*filed.purposes, Purpose.SECURITY)})

    def found(version: PolicyVersion) -> list[str]:
        return codes(asked(facts=changed(given(), papers=Papers(versions=(version,)))))

    assert found(same) == []
    assert found(other) == ["policy.conflict"]


def test_nobody_publishes_another_draft_than_they_looked_at(gateway: Running) -> None:
    looked_at = done(gateway, "POST /policies", **SAME)
    again = done(gateway, "POST /policies", **NARROW)
    refused = done(gateway, "POST /policies/2/publish", draft=looked_at["draft"])
    told = done(gateway, "POST /policies/2/publish", draft=again["draft"])

    assert "another one by now" in refused["message"]
    assert told["state"] == "published"
    assert "is published" in done(gateway, "POST /policies/2/publish")["message"]


def test_no_file_takes_back_what_was_published_nor_what_it_followed(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        published(gateway, **NARROW)
    head, _, _ = FILES["policy.yaml"].partition("  - version:")
    with running(tmp_path, files=dict(FILES) | {"policy.yaml": head + PLANNED}, facts=()) as gateway:
        refused = gateway.ship()
        versions = [each["version"] for each in page(gateway, "policy/history")["versions"]]

    assert refused.code == "policy.purpose"
    assert versions == ["2", "1"]


def test_no_file_says_afterwards_that_something_else_was_published_before(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        published(gateway, **NARROW)
    forged = FILES["policy.yaml"] + PLANNED.replace("2095", "2025").replace("planned", "forged")

    with (
        pytest.raises(StartError, match=r"version forged was published before"),
        running(tmp_path, files=dict(FILES) | {"policy.yaml": forged}),
    ):
        pass


def test_a_file_that_says_the_same_of_a_version_loads_and_one_that_does_not_is_refused(tmp_path: Path) -> None:
    same = f"""  - {{version: "2", published: 2026-01-01T00:00:00+01:00, document: "{DIGEST}",
     purposes: [{", ".join(reversed(PURPOSES))}], vendor_kinds: [logistics, payment, maintenance]}}\n"""
    other = same.replace("logistics, payment, maintenance", "logistics")
    kept = FILES["policy.yaml"]
    with running(tmp_path) as gateway:
        published(gateway, **SAME)
        since = page(gateway, "policy")["published"]
        in_force = gateway.folder / "contracts" / "policy.yaml"
        in_force.write_text(kept + same, "utf-8")
        count = gateway.do(gateway.gateway.reload)
        in_force.write_text(kept + other, "utf-8")
        with pytest.raises(StartError, match="version 2"):
            gateway.do(gateway.gateway.reload)
        through = gateway.ship()

        assert count > 0
        assert page(gateway, "policy")["published"] == since
        assert through.status == 200

    with (
        pytest.raises(StartError, match=r"take it out of the file"),
        running(tmp_path, files=dict(FILES) | {"policy.yaml": kept + other}),
    ):
        pass


def test_what_was_published_is_in_force_at_once_whatever_the_clock_of_a_node_says(gateway: Running) -> None:
    published(gateway, **NARROW)
    slow = gateway.gateway.exchange._now
    gateway.set_clock(lambda: slow() - timedelta(hours=1))

    assert gateway.ship().code == "policy.purpose"


def surveyed(gateway: Running) -> Reply:
    """A call that rests on the consent of a visitor."""
    proven = f"Gateway-Token: {gateway.token('shop-web')}"
    return gateway.call("POST", "/faults/api/surveys", proven, body=b'{"user":"c-90","page":"cart"}', token="")


def asked_again(gateway: Running) -> list[bool]:
    """Of each yes of that visitor, as the account centre sees it, whether it has to be renewed."""
    wanted = {"subject": "c-90", "role": Role.SUBJECT}
    own = gateway.do(lambda: gateway.stores.desk.issue_token(wanted, by="a test"))["token"]
    body = gateway.said(gateway.raw("POST", "/v1/consents/list", body=b"{}", token=own), listener=2).payload
    return [each["renew"] for each in json.loads(body)["consents"] if each["in_force"]]


def test_whoever_said_yes_before_the_policy_opened_a_purpose_is_asked_again(gateway: Running) -> None:
    closed = [each for each in PURPOSES if each != "fault_repair"]
    yes = {"kind": "consent", "subject": "c-90", "purpose": "fault_repair", "state": "given"}
    published(gateway, **SAME | {"purposes": closed})
    gateway.put(yes)
    told = published(gateway, **SAME | {"version": "3"})
    refused, before = surveyed(gateway), asked_again(gateway)
    gateway.put(yes)
    through, after = surveyed(gateway), asked_again(gateway)
    published(gateway, **SAME | {"version": "4"})
    still = surveyed(gateway)

    assert told["renew"] == [{"purpose": "fault_repair", "operations": ["faults/report", "faults/survey"], "people": 1}]
    assert set(told["opens"]) >= {"faults/survey"}
    assert (refused.status, refused.code) == (403, "consent.outdated")
    assert (through.status, still.status) == (200, 200)
    assert (before, after) == ([True], [False])


def test_a_version_of_the_file_whose_moment_comes_is_put_on_record_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    file = FILES["policy.yaml"] + PLANNED.replace("2095-01-01T00:00:00+01:00", soon.isoformat())
    with running(tmp_path, files=dict(FILES) | {"policy.yaml": file}) as gateway:
        gateway.do(gateway.gateway.turn)
        before = [each["version"] for each in gateway.record(kind="policy")]
        monkeypatch.setattr(app, "utc", lambda: soon)
        gateway.set_clock(lambda: soon)
        for _ in range(2):
            gateway.do(gateway.gateway.turn)
        after = [each["version"] for each in gateway.record(kind="policy")]
        refused = gateway.ship()

    assert (before, after) == (["1"], ["planned", "1"])
    assert refused.code == "policy.purpose"


STEPS = {"after-pending": ("1", 0), "after-entry": ("2", 1), "after-row": ("2", 1)}


@pytest.mark.parametrize(("step", "found"), STEPS.items(), ids=STEPS.keys())
def test_wherever_publishing_broke_off_record_and_register_say_the_same_afterwards(
    tmp_path: Path, step: str, found: tuple[str, int]
) -> None:
    with running(tmp_path) as gateway:
        done(gateway, "POST /policies", **NARROW)
        failpoints.arm(f"{step}=raise")
        steward = Caller("stella", "", "", "live", None, 0, Role.STEWARD)
        with pytest.raises(failpoints.InjectedError):
            gateway.do(lambda: gateway.stores.desk.policies.publish("2", {}, steward))
        failpoints.arm("")
    with running(tmp_path, facts=()) as gateway:
        in_force = page(gateway, "policy")["version"]
        entries = [each for each in gateway.record(kind="policy") if each["version"] == "2"]
        shipped = gateway.ship()

    assert (in_force, len(entries)) == found
    assert shipped.status == (403 if in_force == "2" else 200)


@pytest.mark.slow
def test_an_officer_drafts_compares_and_publishes_from_the_command_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    text = b"<h1>Privacy policy</h1>"
    (tmp_path / "policy.html").write_bytes(text)
    with machine.serving():
        token = machine.asked("token", "issue", "--service", "stella", "--role", "steward")["token"]
        machine.variables["GATEWAY_TOKEN"] = token
        first = machine.typed("policy", "show", "1").stdout
        (tmp_path / "v2.yaml").write_text(
            first.replace('"1"', '"2"')
            .replace("  - delivery_notification\n", "")
            .replace("sha256:" + "0" * 64, "x")
            .replace("document: x\n", ""),
            "utf-8",
        )
        drafted = machine.typed("policy", "draft", "v2.yaml", "--text", "policy.html")
        compared = machine.typed("policy", "diff", "2")
        rehearsed = machine.typed("policy", "publish", "2", "--dry-run")
        done = machine.typed("policy", "publish", "2")
        history = machine.asked("policy", "history")
        listed = machine.typed("policy", "history")
        (tmp_path / "v3.yaml").write_text(machine.typed("policy", "show").stdout.replace('"2"', '"3"'), "utf-8")
        third = machine.asked("policy", "draft", "v3.yaml")
        dropped = machine.typed("policy", "drop", "3")
        whole = machine.typed("policy", "draft", "contracts/policy.yaml")
        timed = machine.typed("policy", "draft", "-", stdin=first + "published: 2026-01-01T00:00:00+01:00\n")
        garbled = machine.typed("policy", "draft", "-", stdin="a: [")
        forged = machine.typed("policy", "draft", "v3.yaml", "--text", "v2.yaml")

    assert drafted.returncode == 0, drafted.stderr
    assert "# published: 2025-01-01T00:00:00+01:00" in first
    assert "stops parcels/ship: delivery_notification" in drafted.stdout
    assert "delivery_notification" in compared.stdout
    assert "nothing may go that could not go before" in compared.stdout
    assert "nothing of what was called in the last 7 days stops" in rehearsed.stdout
    assert "2 is in force since" in done.stdout
    assert "in force" in listed.stdout
    assert [(each["version"], each["state"]) for each in history] == [("2", "published"), ("1", "published")]
    assert history[0]["document"] == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert (third["changes"], dropped.returncode) == ([], 0)
    assert "a draft is one version of it" in whole.stderr
    assert "publishing gives it one" in timed.stderr
    assert "line 1" in garbled.stderr
    assert "digest of another text" in forged.stderr
