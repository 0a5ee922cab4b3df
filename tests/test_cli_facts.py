"""Files of facts, as somebody imports them: with a process that is killed in the middle, and over the network."""

import json
from pathlib import Path
from typing import Any

import pytest
from processes import Machine
from running import Running, running
from typer.testing import CliRunner

from gateway.cli.facts import _rows
from gateway.cli.main import cli
from gateway.errors import GatewayError
from gateway.feed import TOGETHER
from gateway.registry import lookups
from gateway.registry.engine import engine_of
from gateway.vocabulary import Role

CSV = "order,purchaser,purchaser.jurisdiction,time\nA-1,c-1,DE,2026-01-01T00:00:00Z\nA-2,c-2,XX,\n"


def consents(count: int) -> str:
    said = {"kind": "consent", "purpose": "delivery", "state": "given", "time": "2024-02-01T09:30:00Z"}
    return "".join(json.dumps(said | {"subject": f"c-{number}"}) + "\n" for number in range(count))


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again_it_goes_on_and_nothing_is_in_twice(tmp_path: Path) -> None:
    machine = Machine(tmp_path, settings={"FAILPOINTS": "after-entry=kill@2"})
    (tmp_path / "old.jsonl").write_text(consents(3 * TOGETHER))

    killed = machine.typed("facts", "import", "old.jsonl")
    machine.settings = {}
    told = machine.asked("facts", "import", "old.jsonl")
    again = machine.asked("facts", "import", "old.jsonl")

    engine = engine_of(tmp_path / "data" / "registry.db")
    with engine.connect() as connection:
        found = [len(lookups.consents_of(connection, f"c-{number}")) for number in range(3 * TOGETHER)]
    engine.dispose()
    assert killed.returncode == -9
    assert (told["resumed_at"], told["counts"]["new"]) == (2 * TOGETHER, 3 * TOGETHER)
    assert again["counts"] == {"new": 0, "same": 3 * TOGETHER, "changed": 0, "older": 0, "refused": 0}
    assert found == [1] * (3 * TOGETHER)
    assert [entry["count"] for entry in machine.listed("--kind", "fact")] == [TOGETHER] * 3


@pytest.mark.slow
def test_refused_lines_are_told_on_stderr_and_by_the_status(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "orders.csv").write_text(CSV)
    machine.typed("token", "issue", "--service", "fulfilment")

    rehearsed = machine.typed("facts", "import", "orders.csv", "--kind", "order", "--dry-run")
    done = machine.typed("facts", "import", "orders.csv", "--kind", "order", "--source", "erp")
    piped = machine.typed("facts", "import", "-", "--format", "csv", "--kind", "order", "--json", stdin=CSV)

    assert (rehearsed.returncode, done.returncode, piped.returncode) == (1, 1, 1)
    assert "nothing was put in" in rehearsed.stdout
    assert "nothing was put in" not in done.stdout
    assert done.stderr.startswith("line 3: people.0.jurisdiction: not a code of ISO 3166")
    assert json.loads(piped.stdout)["counts"] == {"new": 0, "same": 1, "changed": 0, "older": 0, "refused": 1}


def test_a_file_goes_in_over_the_network_as_it_does_from_the_command_line(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        first = posted(gateway, "/facts?import=erp-2026&kind=order", "text/csv", CSV)
        again = posted(gateway, "/facts?import=erp-2026&kind=order", "text/csv", CSV)
        rehearsed = posted(gateway, "/facts?dry_run=true", "application/x-ndjson", consents(3))
        wrong = posted(gateway, "/facts?import=Zoe", "application/x-ndjson", consents(1))
        shipped = gateway.record(kind="fact")

    assert first["result"]["counts"] == {"new": 1, "same": 0, "changed": 0, "older": 0, "refused": 1}
    assert [each["line"] for each in first["result"]["refused"]] == [3]
    assert again["result"]["counts"]["same"] == 1
    assert rehearsed["result"]["counts"]["new"] == 3
    assert wrong["code"] == "request.invalid"
    assert [(each["fact"], each["batch"]) for each in shipped] == [("facts", "erp-2026")]


@pytest.mark.parametrize(
    "data",
    [b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n', b'[{"a": 1}, {"a": 2}]', b'\n{"a": 1}\n\n{"a": 2}'],
    ids=["lines behind a byte order mark", "a list", "lines with empty ones between"],
)
def test_a_few_facts_are_read_however_they_were_saved(data: bytes) -> None:
    assert _rows(data) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ('{"a": "é"}'.encode("utf-16"), "UTF-16"),
        ('{"a": "é"}'.encode("latin-1"), "not UTF-8"),
        (b"PK\x03\x04", "workbook"),
        (b'{"a": 1', "neither JSON nor one JSON object a line"),
    ],
    ids=["UTF-16", "another encoding", "a workbook", "cut short"],
)
def test_what_is_no_text_of_facts_is_refused_and_says_what_it_is(data: bytes, why: str) -> None:
    with pytest.raises(GatewayError, match=why):
        _rows(data)


@pytest.mark.parametrize(("name", "data"), [("none.jsonl", ""), ("none.csv", "kind,subject\n")], ids=["none", "no row"])
def test_a_file_without_a_fact_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: str) -> None:
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path / "data"))
    (tmp_path / name).write_text(data)

    done = CliRunner().invoke(cli, ["facts", "import", str(tmp_path / name)])

    assert (done.exit_code, "there is no fact in the file" in done.stderr) == (0, True)


def posted(gateway: Running, path: str, media: str, text: str) -> dict[str, Any]:
    token = gateway.token("anna", role=Role.OPERATOR)
    request = gateway.raw("POST", path, f"Content-Type: {media}", body=text.encode(), token=token)
    answer: dict[str, Any] = json.loads(gateway.said(request, operators=True).payload)
    return answer
