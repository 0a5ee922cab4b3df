"""What somebody does to a ledger behind its back is found by the check that is there for it."""

import hashlib
import json
import re
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from histories import History, crashed, exported, purged, written
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.ledger.checkpoint import PREVIOUS, Checkpoint, signed
from gateway.ledger.tree import Span, Tree
from ledger_verify import FIRST_CODE, UNREADABLE, Leaf, Report, Unreadable, body_of, key_of, source_of, verify

Edit = Callable[[sqlite3.Connection, History], None]
AN_INTENT = "(SELECT seq FROM leaf WHERE kind = 'intent' LIMIT 1 OFFSET 20)"
GUARDS = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two runs of a gateway, with more entries than one kept subtree has."""
    return written(tmp_path_factory.mktemp("history"), 80, 45)


@pytest.fixture(scope="session")
def in_doubt(tmp_path_factory: pytest.TempPathFactory) -> History:
    return crashed(tmp_path_factory.mktemp("crashed"))


def edited(history: History, folder: Path, edit: Edit) -> Path:
    """A copy that somebody has worked on."""
    copy = history.copy(folder)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        for (name,) in database.execute(GUARDS).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("BEGIN")
        edit(database, history)
        database.execute("COMMIT")
    return copy


def checked(history: History, copy: Path, *kept: str) -> Report:
    return verify(source_of(copy), key=key_of(history.vkey), since=kept)


def failed(report: Report) -> set[str]:
    return {each.name for each in report.checks.values() if each.status == "failed"}


def sql(*statements: str) -> Edit:
    def edit(database: sqlite3.Connection, _: History) -> None:
        for statement in statements:
            database.execute(statement)

    return edit


def _body(database: sqlite3.Connection, seq: int) -> bytes:
    [(body,)] = database.execute("SELECT body FROM leaf_body WHERE seq = ?", (seq,))
    return bytes(body)


def _put(database: sqlite3.Connection, seq: int, body: bytes, *, with_hash: bool = True) -> None:
    database.execute("UPDATE leaf_body SET body = ? WHERE seq = ?", (body, seq))
    if with_hash:
        digest = hashlib.sha256(b"\x00" + body).digest()
        database.execute("UPDATE leaf SET hash = ? WHERE seq = ?", (digest, seq))


def _other_vendor(database: sqlite3.Connection, *, with_hash: bool) -> int:
    [(seq,)] = database.execute(f"SELECT {AN_INTENT}")
    _put(
        database, seq, _body(database, seq).replace(b'"purpose":"delivery"', b'"purpose":"fraud"'), with_hash=with_hash
    )
    return int(seq)


def edited_body(database: sqlite3.Connection, _: History) -> None:
    _other_vendor(database, with_hash=False)


def edited_with_hash(database: sqlite3.Connection, _: History) -> None:
    _other_vendor(database, with_hash=True)


def rebuilt(database: sqlite3.Connection, history: History) -> None:
    """Everything anew after an edit, by somebody who has the key."""
    _other_vendor(database, with_hash=True)
    resigned(database, history)


def resigned(database: sqlite3.Connection, history: History) -> None:
    sizes = [size for (size,) in database.execute("SELECT size FROM checkpoint ORDER BY size")]
    database.execute("DELETE FROM subtree")
    tree, complete, before = Tree(), dict[Span, bytes](), 0
    for size in sizes:
        found = database.execute("SELECT hash FROM leaf WHERE seq >= ? AND seq < ? ORDER BY seq", (tree.size, size))
        tree = tree.plus([row[0] for row in found], complete)
        checkpoint = Checkpoint(history.signer.verifier.name, size, tree.root, (f"{PREVIOUS} {before}",))
        values = (tree.root, signed(checkpoint, history.signer), b"".join(tree.peaks), size)
        database.execute("UPDATE checkpoint SET root = ?, note = ?, peaks = ? WHERE size = ?", values)
        before = size
    database.executemany("INSERT INTO subtree VALUES(?, ?, ?)", [(*span, each) for span, each in complete.items()])


def inserted(database: sqlite3.Connection, _: History) -> None:
    for table in ("leaf_body", "leaf", "link"):
        for (seq,) in database.execute(
            f"SELECT DISTINCT seq FROM {table} WHERE seq >= 50 ORDER BY seq DESC"
        ).fetchall():
            database.execute(f"UPDATE {table} SET seq = seq + 1 WHERE seq = ?", (seq,))
    body = _body(database, 49)
    values = (50, b"\x01" * 16, "access", 1_767_225_600_000_000, hashlib.sha256(b"\x00" + body).digest())
    database.execute("INSERT INTO leaf(seq, id, kind, ts, hash) VALUES(?, ?, ?, ?, ?)", values)
    database.execute("INSERT INTO leaf_body(seq, body) VALUES(50, ?)", (body,))


def replayed(database: sqlite3.Connection, _: History) -> None:
    """An old note in the place of the newest one."""
    oldest, newest = "(SELECT min(size) FROM checkpoint)", "(SELECT max(size) FROM checkpoint)"
    note = f"(SELECT note FROM checkpoint WHERE size = {oldest})"
    database.execute(f"UPDATE checkpoint SET note = {note} WHERE size = {newest}")


def config(database: sqlite3.Connection, history: History) -> None:
    """Which contract was in force, with everything that follows from it, by somebody who has the key."""
    [(seq,)] = database.execute("SELECT seq FROM leaf WHERE kind = 'contract'")
    _put(database, seq, _body(database, seq).replace(b"q83vEjRWeJA", b"AAAAAAAAAAA"))
    resigned(database, history)


def another_person(database: sqlite3.Connection, _: History) -> None:
    columns = "SELECT tok, dek, sealed FROM link WHERE tok != (SELECT tok FROM link ORDER BY seq LIMIT 1) LIMIT 1"
    database.execute(
        f"UPDATE link SET (tok, dek, sealed) = ({columns}) WHERE seq = (SELECT min(seq) FROM link) AND ord = 0"
    )


def key_reused(database: sqlite3.Connection, _: History) -> None:
    dek = "(SELECT dek FROM link WHERE tok != (SELECT tok FROM link ORDER BY seq LIMIT 1) LIMIT 1)"
    database.execute(f"UPDATE link SET dek = {dek} WHERE seq = (SELECT min(seq) FROM link) AND ord = 0")


LAST = "(SELECT max(seq) - 12 FROM leaf)"
DROPPED = "DELETE FROM checkpoint WHERE size"
SIMPLE: Mapping[str, tuple[Edit, str]] = {
    "an entry is deleted": (sql(*(f"DELETE FROM {table} WHERE seq = 60" for table in ("leaf", "leaf_body"))), "V2"),
    "an entry is inserted": (inserted, "V2"),
    "two entries change places": (
        sql(
            *(
                f"UPDATE {table} SET seq = {new} WHERE seq = {old}"
                for table in ("leaf", "leaf_body", "link")
                for old, new in ((70, -1), (72, 70), (-1, 72))
            )
        ),
        "V2",
    ),
    "a body is edited": (edited_body, "V4"),
    "a body is edited with its hash": (edited_with_hash, "V2"),
    "the tail is cut off": (sql(*(f"DELETE FROM {table} WHERE seq > {LAST}" for table in ("leaf_body", "leaf"))), "V2"),
    "all checkpoints are dropped": (sql("DELETE FROM checkpoint"), "V1"),
    "a checkpoint in the middle is dropped": (sql(f"{DROPPED} = (SELECT size FROM checkpoint LIMIT 1 OFFSET 1)"), "V3"),
    "the first checkpoint is dropped": (sql(f"{DROPPED} = (SELECT min(size) FROM checkpoint)"), "V3"),
    "an old checkpoint is replayed": (replayed, "V1"),
    "a row of the index is emptied": (sql("UPDATE leaf_body SET vendor = NULL WHERE seq = 40"), "V10"),
    "a row of the index says something else": (sql(f"UPDATE leaf SET kind = 'access' WHERE seq = {AN_INTENT}"), "V10"),
    "a body is taken out": (sql(f"DELETE FROM leaf_body WHERE seq = {AN_INTENT}"), "V5"),
    "a link leads to another person": (another_person, "V12"),
    "the key of a person is used for another": (key_reused, "V12"),
    "a link is taken out": (sql("DELETE FROM link WHERE seq = (SELECT min(seq) FROM link)"), "V12"),
    "a contract becomes another one": (config, "V9"),
    "a kept subtree is another one": (sql("UPDATE subtree SET hash = zeroblob(32)"), "V11"),
    "the kept subtrees are gone": (sql("DELETE FROM subtree"), "V11"),
    "beside a checkpoint stand other subtrees": (sql("UPDATE checkpoint SET peaks = zeroblob(length(peaks))"), "V11"),
}  # fmt: skip


def test_what_nobody_touched_is_sound(history: History, tmp_path: Path) -> None:
    report = checked(history, history.copy(tmp_path), *history.kept)

    assert (report.code, failed(report)) == (0, set())
    assert report.entries > 256
    assert report.checkpoints >= 3
    assert report.signed >= report.entries - 1


def test_what_two_calls_left_in_doubt_is_sound(in_doubt: History, tmp_path: Path) -> None:
    report = checked(in_doubt, in_doubt.copy(tmp_path), *in_doubt.kept)

    assert (report.code, report.in_doubt, report.open) == (0, 2, 0)


def test_what_somebody_found_out_about_them_is_sound_and_counts(tmp_path: Path) -> None:
    history = crashed(tmp_path / "resolved", "sent", "not_sent")

    report = checked(history, history.copy(tmp_path), *history.kept)

    assert (report.code, report.in_doubt, report.open) == (0, 0, 0)


def test_to_find_out_about_what_is_not_in_doubt_any_more_is_found(tmp_path: Path) -> None:
    history = crashed(tmp_path / "twice", "sent", "sent", "not_sent")

    report = checked(history, history.copy(tmp_path), *history.kept)

    assert "V7" in failed(report)


@pytest.mark.parametrize(("edit", "check"), SIMPLE.values(), ids=SIMPLE.keys())
def test_tampering_is_found_by_the_check_that_is_there_for_it(
    history: History, tmp_path: Path, edit: Edit, check: str
) -> None:
    report = checked(history, edited(history, tmp_path, edit))

    assert check in failed(report)
    assert report.code != 0
    assert FIRST_CODE <= report.code < FIRST_CODE + 14
    assert report.verdict == "altered"


def test_one_who_has_the_key_is_found_out_by_a_checkpoint_kept_elsewhere_alone(
    history: History, tmp_path: Path
) -> None:
    copy = edited(history, tmp_path, rebuilt)

    assert checked(history, copy).code == 0
    assert failed(checked(history, copy, history.kept[0])) == {"V3"}


def test_an_old_copy_is_found_out_by_a_checkpoint_kept_elsewhere_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    older = written(folder, 5)
    shutil.copy(older.file, tmp_path / "old.db")
    newer = written(folder, 5)
    again = History(folder, newer.signer, newer.kept)

    assert checked(again, tmp_path / "old.db").code == 0
    assert failed(checked(again, tmp_path / "old.db", again.kept[-1])) == {"V3"}
    assert checked(again, again.copy(tmp_path), *older.kept, *again.kept).code == 0


def test_a_tail_that_is_cut_off_with_its_checkpoints_is_found_out_by_one_kept_elsewhere(
    history: History, tmp_path: Path
) -> None:
    size = int(history.kept[0].split("\n")[1])
    statements = [f"DELETE FROM {table} WHERE seq >= {size}" for table in ("leaf", "leaf_body", "link")]
    cut = sql(*statements, f"{DROPPED} > {size}", f"DELETE FROM subtree WHERE last > {size}")
    copy = edited(history, tmp_path, cut)

    assert checked(history, copy, history.kept[0]).code == 0
    assert failed(checked(history, copy, history.kept[1])) == {"V3"}


def test_a_checkpoint_that_was_kept_elsewhere_and_not_here_is_missed(history: History, tmp_path: Path) -> None:
    size = int(history.kept[-1].split("\n")[1])
    copy = edited(history, tmp_path, sql(f"{DROPPED} >= {size}"))

    assert "V3" in failed(checked(history, copy, history.kept[-1]))


def test_entries_of_another_log_are_found(history: History, tmp_path: Path) -> None:
    def other(database: sqlite3.Connection, history: History) -> None:
        for (seq,) in database.execute("SELECT seq FROM leaf WHERE seq >= 100").fetchall():
            _put(database, seq, _body(database, seq).replace(b'"log":"main"', b'"log":"side"'))
        resigned(database, history)

    assert "V8" in failed(checked(history, edited(history, tmp_path, other)))


@pytest.fixture(scope="session")
def with_purge(tmp_path_factory: pytest.TempPathFactory) -> History:
    return purged(tmp_path_factory.mktemp("purged"))


def test_what_was_purged_as_it_had_to_be_is_sound(with_purge: History, tmp_path: Path) -> None:
    report = checked(with_purge, with_purge.copy(tmp_path), *with_purge.kept)

    assert (report.code, failed(report)) == (0, set())
    assert report.purged >= 7


PURGE = "(SELECT max(seq) FROM leaf WHERE kind = 'purge')"
YOUNG = "(SELECT max(seq) FROM leaf WHERE kind = 'intent')"


def _repurged(database: sqlite3.Connection, history: History, change: Callable[[Leaf], None]) -> None:
    """What a purge says becomes something else, by somebody who has the key."""
    [(seq,)] = database.execute(f"SELECT {PURGE}")
    leaf = json.loads(_body(database, seq))
    change(leaf)
    _put(database, seq, json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    database.execute("DELETE FROM purged")
    database.executemany("INSERT INTO purged VALUES(?, ?, ?)", [(*each, seq) for each in leaf["ranges"]])
    resigned(database, history)


def forged(database: sqlite3.Connection, _: History) -> None:
    """A tombstone at the end of the log, for a call that somebody wants to be gone; without the key."""
    [(seq, size)] = database.execute(f"SELECT {YOUNG}, max(seq) + 1 FROM leaf")
    [(digest, id_)] = database.execute("SELECT hash, id FROM leaf WHERE seq = ?", (seq,))
    [(old,)] = database.execute(f"SELECT {PURGE}")
    leaf = json.loads(_body(database, old))
    tree = hashlib.sha256(b"\x00" + seq.to_bytes(8, "big") + digest).digest()
    leaf |= {"ranges": [[seq, seq]], "count": 1, "set_root": b64encode(tree).decode(), "id": bytes(id_).hex()}
    leaf["classes"] = [{**leaf["classes"][0], "count": 1}]
    leaf["newest_ts"] = leaf["classes"][0]["newest_ts"]
    body = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    values = (size, b"\x01" * 16, "purge", leaf["ts"], hashlib.sha256(b"\x00" + body).digest())
    database.execute("INSERT INTO leaf(seq, id, kind, ts, hash) VALUES(?, ?, ?, ?, ?)", values)
    database.execute("INSERT INTO leaf_body(seq, body) VALUES(?, ?)", (size, body))
    database.execute("INSERT INTO purged VALUES(?, ?, ?)", (seq, seq, size))
    for table in ("leaf_body", "link"):
        database.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))


def widened(database: sqlite3.Connection, history: History) -> None:
    """The purge takes one more, which was not due; with the key."""
    [(seq,)] = database.execute(f"SELECT {YOUNG}")

    def change(leaf: Leaf) -> None:
        leaf["ranges"] = sorted([*leaf["ranges"], [seq, seq]])
        leaf["count"] += 1
        leaf["classes"][0]["count"] += 1

    database.execute("DELETE FROM leaf_body WHERE seq = ?", (seq,))
    database.execute("DELETE FROM link WHERE seq = ?", (seq,))
    _repurged(database, history, change)


def hurried(database: sqlite3.Connection, history: History) -> None:
    """The purge says that it kept for longer than it did; with the key."""

    def change(leaf: Leaf) -> None:
        leaf["classes"][0]["keeps"] = "P50Y"

    _repurged(database, history, change)


def held(database: sqlite3.Connection, history: History) -> None:
    """The purge takes an entry that is still linked to a person, as those who are held are."""
    [(seq,)] = database.execute(f"SELECT {YOUNG}")
    links = database.execute("SELECT * FROM link WHERE seq = ?", (seq,)).fetchall()
    widened(database, history)
    database.executemany(f"INSERT INTO link VALUES({', '.join('?' * len(links[0]))})", links)


def of_all_kinds(database: sqlite3.Connection, history: History) -> None:
    """The purge takes the entry by which a contract came into force."""
    [(seq,)] = database.execute("SELECT seq FROM leaf WHERE kind = 'contract'")
    database.execute("DELETE FROM leaf_body WHERE seq = ?", (seq,))
    _repurged(database, history, lambda leaf: leaf["ranges"].insert(0, [seq, seq]))


TOMBSTONES: Mapping[str, Edit] = {
    "a tombstone is forged": forged,
    "a tombstone takes what was not due": widened,
    "a tombstone came too early": hurried,
    "a tombstone takes what is held": held,
    "a tombstone takes what stays for good": of_all_kinds,
    "the tombstones are others beside the log": sql("UPDATE purged SET last = last + 1"),
    "the tombstones are gone beside the log": sql("DELETE FROM purged"),
    "what was purged is there again": sql("INSERT INTO leaf_body(seq, body) SELECT min(first), x'7b7d' FROM purged"),
}


@pytest.mark.parametrize("edit", TOMBSTONES.values(), ids=TOMBSTONES.keys())
def test_a_tombstone_that_does_not_hold_is_found(with_purge: History, tmp_path: Path, edit: Edit) -> None:
    report = checked(with_purge, edited(with_purge, tmp_path, edit))

    assert "V5" in failed(report)


COLUMNS = {
    "leaf": ("seq", "id", "kind", "ts", "intent", "hash"),
    "leaf_body": ("seq", "body", "vendor", "operation", "caller", "code", "result"),
    "checkpoint": ("size", "root", "note", "peaks"),
    "subtree": ("first", "last", "hash"),
    "purged": ("first", "last", "purge"),
}


# Where the body was purged, nothing vouches for these any more: the hash is all that is left of it.
SAID_BY_ITS_BODY = ("id", "kind", "ts", "intent")


def _mutations(data: st.DataObject, database: sqlite3.Connection) -> Iterator[tuple[str, tuple[object, ...]]]:
    """One edit of one row: a cell that becomes another one, or a row that is gone."""
    [(signed_size,)] = database.execute("SELECT max(size) FROM checkpoint")
    tables = [name for name in (*COLUMNS, "link") if database.execute(f"SELECT 1 FROM {name}").fetchone()]
    table = data.draw(st.sampled_from(tables))
    first = {"checkpoint": "size", "subtree": "first", "purged": "first"}.get(table, "seq")
    places = [row[0] for row in database.execute(f"SELECT DISTINCT {first} FROM {table} ORDER BY 1")]
    if first == "seq":
        places = [place for place in places if place < signed_size]
    place = data.draw(st.sampled_from(places))
    column = data.draw(st.sampled_from(COLUMNS.get(table, ("",))))
    if table == "leaf" and column in SAID_BY_ITS_BODY:
        kept = {row[0] for row in database.execute("SELECT seq FROM leaf_body")}
        assume(place in kept)
    if not column or data.draw(st.integers(0, 4)) == 0:
        yield f"DELETE FROM {table} WHERE {first} = ?", (place,)
        return
    [(value,), *_] = database.execute(f"SELECT {column} FROM {table} WHERE {first} = ?", (place,))
    yield f"UPDATE {table} SET {column} = ? WHERE {first} = ?", (_changed(data, value), place)


def _changed(data: st.DataObject, value: object) -> object:
    if isinstance(value, int):
        return value + data.draw(st.sampled_from([1, -1, 1_000_000, 2**40]))
    if isinstance(value, bytes) and value:
        at, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
        return value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
    if isinstance(value, str):
        at = data.draw(st.integers(0, max(len(value) - 1, 0)))
        return value[:at] + ("y" if value[at : at + 1] != "y" else "z") + value[at + 1 :]
    return "something" if value is None else None


@pytest.fixture(scope="session")
def histories(
    history: History, in_doubt: History, with_purge: History, tmp_path_factory: pytest.TempPathFactory
) -> list[History]:
    return [
        history,
        in_doubt,
        with_purge,
        *(written(tmp_path_factory.mktemp("short"), *parts) for parts in ((1,), (3, 2, 1))),
    ]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_one_edit_of_one_row_is_always_reported(
    histories: list[History], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(histories))
    told = []

    def mutate(database: sqlite3.Connection, _: History) -> None:
        for statement, values in _mutations(data, database):
            told.append((statement, values))
            try:
                database.execute(statement, values)
            except sqlite3.IntegrityError:
                told.clear()

    report = checked(chosen, edited(chosen, tmp_path_factory.mktemp("edit"), mutate), chosen.kept[-1])

    assert report.code != 0 or not told, told


@pytest.fixture(scope="session")
def handed_out(history: History, with_purge: History, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Exports with links and without."""
    folder = tmp_path_factory.mktemp("exports")
    return [
        exported(history, folder / "whole"),
        exported(history, folder / "bare", links=False),
        exported(with_purge, folder / "purged"),
    ]


def told_of(export: Path, vkey: str) -> tuple[int, set[str]]:
    """The exit code, and which checks failed; none where the export cannot be read."""
    try:
        report = verify(source_of(export), key=key_of(vkey))
    except Unreadable:
        return UNREADABLE, set()
    return report.code, failed(report)


def without(member: str) -> Callable[[str], str]:
    """A line of the middle that lost something of what stands beside its body."""

    def cut(text: str) -> str:
        lines = text.splitlines(keepends=True)
        at = len(lines) // 2
        head, _, body = lines[at].partition(',"body":')
        stated = json.loads(head + "}")
        del stated[member]
        lines[at] = f'{json.dumps(stated)[:-1]},"body":{body}'
        return "".join(lines)

    return cut


EXPORTS: Mapping[str, tuple[str, Callable[[str], str], str]] = {
    "an entry that no search would find": ("entries.jsonl", without("found_by"), "V2"),
    "an entry without its links": ("entries.jsonl", without("links"), "V2"),
    "links that are said not to be there": ("export.json", lambda text: text.replace("true", "false"), "V2"),
    "a checkpoint to keep of somebody else": ("checkpoint", lambda text: text.replace("gateway/", "gateways/"), "V3"),
    "no checkpoint to keep": ("checkpoint", lambda _: "", "V3"),
    "checkpoints that stand twice": ("checkpoints.jsonl", lambda text: text + text, "V3"),
    "the newest checkpoint is gone": ("checkpoints.jsonl", lambda text: text[: text[:-1].rfind("\n") + 1], "V3"),
    "no subtrees": ("subtrees.jsonl", lambda _: "", "V11"),
}


@pytest.mark.parametrize(("file", "edit", "check"), EXPORTS.values(), ids=EXPORTS.keys())
def test_an_export_that_lacks_what_stands_beside_its_entries_is_not_sound(
    history: History, handed_out: list[Path], tmp_path: Path, file: str, edit: Callable[[str], str], check: str
) -> None:
    out = Path(shutil.copytree(handed_out[0], tmp_path / "out"))
    text = (out / file).read_text("utf-8")
    assert told_of(out, history.vkey) == (0, set())

    (out / file).write_text(edit(text), "utf-8")

    assert edit(text) != text
    assert check in told_of(out, history.vkey)[1]


SEALED = re.compile(r'[\w+/=]{60,}(?="\])')
"""The third part of a link in a line of an export: a person, sealed."""


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_edit_of_one_line_of_an_export_is_always_reported(
    handed_out: list[Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    export = data.draw(st.sampled_from(handed_out))
    out = Path(shutil.copytree(export, tmp_path_factory.mktemp("edit") / "out"))
    file = data.draw(st.sampled_from(["entries.jsonl", "checkpoints.jsonl", "subtrees.jsonl", "checkpoint"]))
    lines = (out / file).read_text("utf-8").splitlines(keepends=True)
    # What stands beside a body that was purged: nothing vouches for it any more.
    lines = [line for line in lines if not line.endswith('"body":null}\n')] if file == "entries.jsonl" else lines
    assume(lines)
    at = data.draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    character = data.draw(st.integers(0, len(line) - 1))
    # Of what is sealed only whoever has the keys can tell that it was altered: `gateway ledger verify`.
    assume(not any(start <= character < end for start, end in map(re.Match.span, SEALED.finditer(line))))
    changed = line[:character] + ("y" if line[character] != "y" else "z") + line[character + 1 :]
    edited = data.draw(st.sampled_from(["", line + line, changed]))
    text = (out / file).read_text("utf-8")

    (out / file).write_text(text.replace(line, edited, 1), "utf-8")

    assert told_of(out, (out / "key").read_text().strip())[0] != 0


def test_a_report_says_which_entry_and_nothing_of_what_it_holds(history: History, tmp_path: Path) -> None:
    secret = b'{"anna@example.com":"4111 1111 1111 1111"}'

    def planted(database: sqlite3.Connection, _: History) -> None:
        _put(database, 33, secret, with_hash=False)

    report = checked(history, edited(history, tmp_path, planted))

    told = json.dumps(report.document()) + "\n".join(report.lines())
    assert [finding.seq for finding in report.checks["V4"].findings] == [33]
    assert "anna@" not in told
    assert "4111 1111" not in told


def test_every_body_of_a_real_log_has_a_known_kind(history: History) -> None:
    with closing(sqlite3.connect(f"file:{history.file}?mode=ro", uri=True)) as database:
        kinds = {body_of(body)["kind"] for (body,) in database.execute("SELECT body FROM leaf_body")}

    assert kinds >= {
        "intent",
        "outcome",
        "refusal",
        "access",
        "genesis",
        "epoch",
        "contract",
        "policy",
        "fact",
        "token",
    }
