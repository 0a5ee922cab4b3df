"""The auditor's verifier: one file that needs nothing, writes nothing, and says what it found by its exit code."""

import ast
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from histories import History, written

import ledger_verify
from gateway.ledger.housekeeping import Genesis
from gateway.ledger.purgeable import MAY_GO
from gateway.ledger.tree import Tree as OurTree
from gateway.ledger.tree import root
from ledger_verify import (
    CHECKS,
    KINDS,
    BadBody,
    Shapes,
    Tree,
    beyond,
    body_of,
    is_consistent,
    is_included,
    leaf_hash,
    least_days,
)

SCRIPT = Path(__file__).parents[1] / "ledger_verify.py"
VECTORS = json.loads((Path(__file__).parent / "vectors" / "leaf-v1.json").read_bytes())


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return written(tmp_path_factory.mktemp("history"), 12, 3)


def run(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The script alone, in isolated mode, so that nothing of this environment can be imported."""
    alone = shutil.copy(SCRIPT, folder / "ledger_verify.py")
    command = [sys.executable, "-I", "-S", str(alone), *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=280)


def test_it_imports_nothing_but_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    names = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert names - sys.stdlib_module_names == {"cryptography"}
    assert not names & {"socket", "http", "urllib3", "ssl", "subprocess", "ctypes"}


def test_it_runs_alone_and_tells_that_all_is_sound(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    note = tmp_path / "kept.txt"
    note.write_text(history.kept[0], "utf-8")

    done = run(copy, "--key", history.vkey, "--since", note, folder=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"sound: {copy}"
    assert [line.split()[0] for line in done.stdout.splitlines()[:14]] == list(CHECKS)


def test_it_writes_nothing(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    (tmp_path / "run").mkdir()
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in (copy,)}
    copy.chmod(0o400)
    tmp_path.chmod(0o500)

    done = run(copy, "--key", history.vkey, folder=tmp_path / "run")

    tmp_path.chmod(0o700)
    assert done.returncode == 0
    assert {copy: (copy.stat().st_mtime_ns, copy.read_bytes())} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.db", "run"]


def test_machines_read_the_same_as_people(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("DROP TRIGGER checkpoint_DELETE")
        database.execute("DELETE FROM checkpoint")

    done = run(copy, "--json", "--key", history.vkey, folder=tmp_path)

    document = json.loads(done.stdout)
    assert done.returncode == document["exit"] == 11
    assert document["verdict"] == "altered"
    assert {each["check"]: each["status"] for each in document["checks"]}["V1"] == "failed"


def test_a_file_with_a_wal_beside_it_is_not_taken_for_the_whole(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    (tmp_path / "copy.db-wal").touch()

    refused = run(copy, "--key", history.vkey, folder=tmp_path)
    alone = run(copy, "--key", history.vkey, "--without-wal", folder=tmp_path)

    assert refused.returncode == 2
    assert "copy.db-wal stands beside the file" in refused.stdout
    assert "gateway ledger export" in refused.stdout
    assert alone.returncode == 0


def test_without_a_key_of_their_own_auditors_are_told_whose_was_taken(history: History, tmp_path: Path) -> None:
    done = run(history.copy(tmp_path), folder=tmp_path)

    assert done.returncode == 0
    assert "with the key that the material itself names" in done.stdout


def test_where_no_key_is_named_the_report_is_not_whole(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("DROP TRIGGER leaf_UPDATE")
        database.execute("UPDATE leaf SET kind = 'epoch' WHERE kind = 'key'")

    done = run(copy, "--only", "V1", "--only", "V2", folder=tmp_path)

    assert done.returncode == 3
    assert "give --key" in done.stdout


@pytest.mark.parametrize("content", [b"", b"something else", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(4096)])
def test_what_is_no_ledger_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    done = run(tmp_path / "file", folder=tmp_path)

    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr


def test_a_key_of_somebody_else_vouches_for_nothing(history: History, tmp_path: Path) -> None:
    other = ledger_verify.Key(history.signer.verifier.name, b"\x58" + b"\x66" * 31)

    done = run(history.copy(tmp_path), "--key", str(other), folder=tmp_path)

    assert done.returncode == 11


def test_only_what_was_asked_for_is_checked(history: History, tmp_path: Path) -> None:
    done = run(history.copy(tmp_path), "--key", history.vkey, "--only", "V2", "--only", "V4", folder=tmp_path)

    assert done.returncode == 0
    assert [word for line in done.stdout.splitlines() if re.match(r"V\d", word := line.split()[0])] == ["V2", "V4"]


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_every_committed_leaf_is_of_a_known_kind(vector: dict[str, Any]) -> None:
    body = b64decode(vector["body"])

    assert body_of(body) == vector["event"]
    assert leaf_hash(body).hex() == vector["leaf_hash"]


def test_every_kind_that_the_gateway_writes_is_known_and_no_other() -> None:
    assert set(KINDS) == {vector["event"]["kind"] for vector in VECTORS}
    assert frozenset(MAY_GO) == ledger_verify.MAY_GO
    assert KINDS[Genesis.kind].wrong(VECTORS[0]["event"]) != ""


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_a_leaf_without_one_of_its_members_or_with_another_one_is_not_taken(vector: dict[str, Any]) -> None:
    event = vector["event"]
    others = [
        {**event, "extra": 1},
        {**event, "v": 2},
        {**event, "kind": "party"},
        {**event, "id": event["id"].upper() + "A"},
    ]
    others += [{**event, "ts": value} for value in (-1, 2**53, "now", True, None)]
    others += [{name: event[name] for name in event if name != left} for left in KINDS[event["kind"]].required]

    for other in others:
        with pytest.raises(BadBody):
            body_of(json.dumps(other, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_entries_of_one_shape_differ_in_ids_numbers_and_hashes_alone(vector: dict[str, Any]) -> None:
    event, body = vector["event"], b64decode(vector["body"])
    later = body.replace(b'"mono":815000', b'"mono":0').replace(b"7008000000000000002", b"7008000000000000003")
    wrong = [
        body.replace(b'"mono":815000', b'"mono":%s' % value)
        for value in (b"01", b"1.5", b'"815000"', b"-1", b"1e3", b"true")
    ]
    wrong += [body.replace(b'"mono":815000', b'"mono":%d' % 2**number) for number in (53, 54, 64)]
    wrong += [body.replace(b'"id":"0198', b'"id":"X198'), body.replace(b'"id":"0198', b'"id":"198')]
    if "subjects" in event:
        wrong += [body.replace(b'="', b'"'), body.replace(b'="', b'B"'), body.replace(b'","ts"', b'","n"')]

    shapes = Shapes()
    first, second = shapes.read(body), shapes.read(later)

    assert later != body
    assert first == (body_of(body), False)
    assert second == (body_of(later), event["kind"] in MAY_GO)
    for each in {*wrong} - {body}:
        with pytest.raises(BadBody):
            shapes.read(each)


def test_what_looks_like_one_that_was_read_is_read_with_the_same_care(history: History, tmp_path: Path) -> None:
    copy = history.copy(tmp_path)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("DROP TRIGGER leaf_body_UPDATE")
        [(seq, body)] = database.execute(
            "SELECT seq, body FROM leaf_body JOIN leaf USING (seq) WHERE kind = 'intent' ORDER BY seq DESC LIMIT 1"
        )
        for old, new, check in (
            (b'"purpose":"delivery"', b'"purpose":"ann@example.com"', "V14"),
            (b'"attempt":1', b'"attempt": 1', "V6"),
            (b'"attempt":1', b'"attempt":true', "V6"),
        ):
            database.execute("UPDATE leaf_body SET body = ? WHERE seq = ?", (body.replace(old, new), seq))
            report = ledger_verify.verify(ledger_verify.source_of(copy), key=ledger_verify.key_of(history.vkey))
            assert report.checks[check].findings[0].seq == seq


def test_its_tree_is_the_one_of_the_gateway() -> None:
    leaves = [hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(600)]
    tree, ours = Tree(), OurTree()
    for leaf in leaves:
        filled = tree.add(leaf)
        complete: dict[tuple[int, int], bytes] = {}
        ours = ours.plus([leaf], complete)
        assert {(first, last): each for first, last, each in filled} == complete
        assert tree.root == ours.root == root(leaves[: tree.size])


def test_published_proofs_hold_and_broken_ones_do_not(vectors: Callable[[str], Path]) -> None:
    folder = vectors("merkle") / "testdata"
    files = sorted(folder.rglob("*.json"))
    judged = [_judged(json.loads(file.read_bytes())) for file in files]

    assert len(judged) == 196
    assert all(is_ == expected for is_, expected in judged)
    assert {expected for _, expected in judged} == {True, False}


def _judged(case: dict[str, Any]) -> tuple[bool, bool]:
    proof = [b64decode(each) for each in case.get("proof") or []]
    if "leafIdx" in case:
        told = is_included(
            b64decode(case["leafHash"] or ""), case["leafIdx"], case["treeSize"], proof, b64decode(case["root"] or "")
        )
    else:
        first, second = b64decode(case["root1"] or ""), b64decode(case["root2"] or "")
        told = is_consistent(case["size1"], first, case["size2"], second, proof)
    return told, not case["wantErr"]


@pytest.mark.parametrize(
    ("ranges", "others", "left"),
    [
        ([(0, 9)], [], [(0, 9)]),
        ([(0, 9)], [(0, 9)], []),
        ([(0, 9)], [(3, 4)], [(0, 2), (5, 9)]),
        ([(0, 2), (5, 9)], [(1, 6), (8, 8)], [(0, 0), (7, 7), (9, 9)]),
        ([(5, 2**63)], [(0, 5), (7, 7)], [(6, 6), (8, 2**63)]),
        ([], [(1, 2)], []),
    ],
)
def test_ranges_are_taken_away_from_ranges(ranges: Any, others: Any, left: Any) -> None:
    assert list(beyond(ranges, others)) == left


@pytest.mark.parametrize(
    ("period", "days"),
    [("P3Y", 1095), ("P90D", 90), ("P1Y6M", 533), ("P2W", 14), ("P", None), ("3 years", None), ("P99999999D", None)],
)
def test_a_period_is_read_as_its_shortest(period: str, days: int | None) -> None:
    assert least_days(period) == days


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("anna@example.com", "an e-mail address"),
        ("card 4111 1111 1111 1111", "the number of a card"),
        ("4111111111111111", "the number of a card"),
        ("DE89 3704 0044 0532 0130 00", "the number of an account"),
        ("+49 30 901820", "a telephone number"),
        ("$.files.*.@filename", ""),
        ("01980000000070008000000000000001", ""),
        (b64encode(bytes(range(32))).decode(), ""),
        ("parcels/create-shipment.yaml:14", ""),
        ("1111111111111111", ""),
        ("HRB 4815", ""),
    ],
)
def test_what_looks_personal_is_told_from_what_does_not(text: str, like: str) -> None:
    assert ledger_verify.looks_personal(text) == like


def test_a_text_that_must_not_stand_anywhere_is_found(history: History, tmp_path: Path) -> None:
    (tmp_path / "canaries").write_text("customer-48151623\n", "utf-8")
    (tmp_path / "there").write_text("fulfilment\n", "utf-8")
    copy = history.copy(tmp_path)

    clean = run(copy, "--key", history.vkey, "--canaries", tmp_path / "canaries", folder=tmp_path)
    found = run(copy, "--key", history.vkey, "--canaries", tmp_path / "there", folder=tmp_path)

    assert (clean.returncode, found.returncode) == (0, 24)


def test_it_takes_no_name_and_no_socket(history: History, tmp_path: Path) -> None:
    """Audit hooks see every socket and every file that is opened to be written."""
    copy = history.copy(tmp_path)
    watched = f"""
import os, runpy, sys
def hook(event, arguments):
    if event.startswith("socket.") or event in ("os.remove", "os.mkdir", "os.rename", "subprocess.Popen"):
        os.write(2, event.encode())
    if event == "open" and (str(arguments[1] or "r")[0] in "wax" or (arguments[2] or 0) & 3):
        os.write(2, b"written")
sys.dont_write_bytecode = True
sys.addaudithook(hook)
sys.argv = ["ledger_verify.py", {str(copy)!r}, "--key", {history.vkey!r}]
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-I", "-c", watched], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert [file.name for file in tmp_path.iterdir()] == ["copy.db"]
