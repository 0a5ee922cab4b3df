"""The record is handed out and checked by commands, of a running gateway and of one that was stopped."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from processes import Machine, Serving
from two_libraries import both, opens, watched

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "ledger_verify.py"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("m"))


@pytest.fixture(scope="module")
def serving(machine: Machine) -> Iterator[Serving]:
    with machine.serving() as serving:
        yield serving


def script(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_exported_verifies_elsewhere_and_is_on_record(machine: Machine, serving: Serving) -> None:
    key = machine.typed("ledger", "key").stdout.strip()

    told = machine.asked("ledger", "export", "out")

    done = script(machine.folder / "out", "--key", key, "--since", machine.folder / "out" / "checkpoint")
    assert done.returncode == 0, done.stdout
    assert told["entries"] == told["size"] == len((machine.folder / "out" / "entries.jsonl").read_text().splitlines())
    assert sorted(file.name for file in (machine.folder / "out").iterdir()) == [
        "checkpoint", "checkpoints.jsonl", "entries.jsonl", "export.json", "key", "subtrees.jsonl",
    ]  # fmt: skip
    assert "links" not in (machine.folder / "out" / "entries.jsonl").read_text()
    assert json.loads((machine.folder / "out" / "export.json").read_text())["policy"]["version"]
    assert (machine.folder / "out" / "key").read_text().strip() == key
    [access, *_] = machine.listed("--kind", "access")
    assert (access["action"], access["found"]) == ("export", told["size"] - 1)


def test_an_export_goes_into_an_empty_folder_only(machine: Machine, serving: Serving) -> None:
    (machine.folder / "full").mkdir()
    (machine.folder / "full" / "something").touch()

    done = machine.typed("ledger", "export", "full")

    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert [file.name for file in (machine.folder / "full").iterdir()] == ["something"]


def test_an_export_can_go_on_where_another_one_ended(machine: Machine, serving: Serving) -> None:
    machine.asked("ledger", "export", "first")
    since = machine.folder / "first" / "checkpoint"

    told = machine.asked("ledger", "export", "more", "--since", "first/checkpoint")

    done = script(machine.folder / "more", "--since", since)
    assert done.returncode == 0, done.stdout
    assert told["first"] == int(since.read_text().split("\n")[1])
    assert f"entries before {told['first']} are not in the material" in done.stdout
    assert 0 < told["entries"] < told["size"]


def test_what_was_not_handed_out_is_not_said_to_be_as_it_should(machine: Machine, serving: Serving) -> None:
    machine.asked("ledger", "export", "bare")
    bare = machine.folder / "bare"

    done = script(bare)

    assert done.returncode == 0
    assert "V12 not checked links to people are those that were not erased\n" in done.stdout
    assert done.stdout.splitlines()[-1] == f"sound, V12 not checked: {bare}"
    assert script(bare, "--only", "V12").returncode == 3


def test_links_are_handed_out_where_they_are_asked_for(machine: Machine, serving: Serving) -> None:
    told = machine.asked("ledger", "export", "links", "--links")

    assert "not checked" not in script(machine.folder / "links").stdout
    assert script(machine.folder / "links").returncode == 0
    assert '"links":' in (machine.folder / "links" / "entries.jsonl").read_text()
    [access, *_] = machine.listed("--kind", "access")
    assert access["filters"] == [["links", "yes"]]
    assert told["entries"]


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("entries.jsonl", '"canonical":"rfc8785"', '"canonical":"rfc8786"', 14),
        ("entries.jsonl", '"kind":"epoch","ts"', '"kind":"token","ts"', 20),
        ("entries.jsonl", '{"seq":3,', '{"seq":4,', 12),
        ("checkpoints.jsonl", "\\n\\n— ", "\\nmore\\n\\n— ", 11),
        ("export.json", '"first": 0', '"first": 1', 2),
    ],
)
def test_an_export_that_was_altered_is_found_out(
    machine: Machine, serving: Serving, tmp_path: Path, file: str, old: str, new: str, code: int
) -> None:
    out = tmp_path / "out"
    machine.asked("ledger", "export", str(out))
    text = (out / file).read_text("utf-8")
    assert old in text
    (out / file).write_text(text.replace(old, new, 1), "utf-8")

    assert script(out).returncode == code


def test_the_running_gateway_verifies_its_own_log(machine: Machine, serving: Serving) -> None:
    key = machine.typed("ledger", "key").stdout.strip()
    (machine.folder / "kept").write_text(machine.typed("ledger", "checkpoint").stdout, "utf-8")

    report = machine.asked("ledger", "verify", "--key", key, "--since", "kept")

    assert (report["verdict"], report["exit"]) == ("sound", 0)
    assert report["key"] == key
    assert {each["status"] for each in report["checks"]} == {"ok"}
    [access, *_] = machine.listed("--kind", "access")
    assert access["action"] == "verify"


def test_a_log_that_was_altered_is_found_out_by_the_running_gateway_and_after_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving() as serving:
        before = machine.typed("ledger", "verify")
        with closing(sqlite3.connect(f"file:{tmp_path}/data/ledger.db?mode=rw", uri=True)) as database, database:
            database.execute("DROP TRIGGER leaf_body_UPDATE")
            database.execute("UPDATE leaf_body SET vendor = 'others' WHERE vendor = 'parcels'")
            database.execute("UPDATE leaf_body SET body = CAST(replace(body, 'opened', 'closed') AS BLOB)")
        while_running = machine.typed("ledger", "verify")
        serving.stopped()
    stopped = machine.typed("ledger", "verify", "--json")

    assert before.returncode == 0
    assert (while_running.returncode, stopped.returncode) == (14, 14)
    statuses = {each["check"]: each["status"] for each in json.loads(stopped.stdout)["checks"]}
    assert (statuses["V4"], statuses["V10"], statuses["V1"]) == ("failed", "failed", "ok")
    assert [file.name for file in (tmp_path / "data").iterdir() if file.name.startswith(".verify")] == []


def test_a_log_that_was_closed_in_good_order_is_signed_to_its_end_and_called_by_its_own_name(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving() as serving:
        serving.stopped()

    told = machine.typed("ledger", "verify")
    report = machine.asked("ledger", "verify")

    assert told.stdout.splitlines()[-1] == "sound: data/ledger.db"
    assert report["material"] == "data/ledger.db"
    assert report["signed"] == report["entries"]
    assert ".verify-" not in told.stdout + told.stderr


def test_no_file_is_opened_by_two_libraries_in_one_process(tmp_path: Path) -> None:
    """Not by a gateway at work, not by its commands, not by the verifier."""
    machine = Machine(tmp_path)
    machine.variables.update(watched(tmp_path))
    with machine.serving() as serving:
        machine.asked("ledger", "verify")
        machine.asked("ledger", "export", "out")
        held = {str(each.readlink()) for each in Path(f"/proc/{serving.process.pid}/fd").iterdir() if each.is_symlink()}
        gateway = serving.process.pid
        serving.stopped()
    machine.asked("ledger", "verify")

    seen = list(opens(tmp_path))
    ledger = os.path.realpath(tmp_path / "data" / "ledger.db")
    assert both(tmp_path) == set()
    assert ledger in held
    assert {library for pid, library, path in seen if pid == gateway and path == ledger} == {"apsw"}
    assert {library for _, library, path in seen if path == ledger} == {"apsw"}
    assert {library for _, library, path in seen if "/.verify-" in path} == {"apsw", "sqlite3"}
    assert len({pid for pid, _, path in seen if path == ledger}) == 2, "the gateway, and the command after it"


def test_a_process_that_opens_a_file_with_two_libraries_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    code = f"import apsw, sqlite3; apsw.Connection({str(file)!r}); sqlite3.connect('file:{file}?mode=ro', uri=True)"
    variables = {**os.environ, **watched(tmp_path)}  # noqa: TID251 - those of the test

    subprocess.run([sys.executable, "-c", code], env=variables, check=True)

    assert both(tmp_path) == {os.path.realpath(file)}
