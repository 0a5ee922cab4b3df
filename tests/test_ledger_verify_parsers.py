"""Whatever stands in a file, the verifier reads it in bounded time or says that it does not, and never breaks."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from histories import History, written
from hypothesis import example, given, settings
from hypothesis import strategies as st

import ledger_verify
from ledger_verify import (
    INCOMPLETE,
    UNREADABLE,
    BadBody,
    BadNote,
    Unreadable,
    body_of,
    checkpoint_of,
    exact_base64,
    key_of,
    main,
    opened,
    parsed,
    parts_of,
    proof_of,
    proved,
    row_of,
    subtree_of,
)

SECONDS = 2.0
ROOT = b64encode(bytes(32)).decode()
HASH = b64encode(b"h" * 32).decode()
NOTE = f"gateway/0000000000000000/main\n7\n{ROOT}\n\n— name {b64encode(bytes(68)).decode()}\n"
LINE = b'{"seq":0,"hash":"' + HASH.encode() + b'","found_by":{"id":"a","kind":"b","ts":1},"body":{}}'
# Deep, long, and what JSON parsers differ about.
HOSTILE = (
    b"", b"\xff", b"null", b"[]", b"{}", b"[" * 60_000, b'{"a":' * 10_000, b"9" * 60_000, b'{"n":1e400}', b'{"n":NaN}',
    b'{"n":-Infinity}', b'{"a":1,"a":2}', b'{"t":"\\ud800"}', '{"t":"\ud7ff"}'.encode(), b"\xef\xbb\xbf{}", b"{}\r\n",
    b'{"v":1.0}', b'{"v":18446744073709551616}', b'{"v":1}trailing', b'{"k\x00":1}', b'"' + b"x" * 65_536,
)  # fmt: skip


@contextmanager
def bounded() -> Iterator[None]:
    begun = time.thread_time()
    yield
    assert time.thread_time() - begun < SECONDS


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return written(tmp_path_factory.mktemp("history"), 3)


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_bodies_are_refused_in_bounded_time(body: bytes) -> None:
    with bounded(), pytest.raises(BadBody):
        body_of(body)
    with bounded(), pytest.raises((Unreadable, BadBody)):
        row_of(b'{"seq":0,"hash":"' + body + b'","body":' + body)


@settings(deadline=None)
@given(body=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_body_or_none(body: bytes) -> None:
    with bounded(), pytest.raises(BadBody):
        body_of(body)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
VECTORS = json.loads((Path(__file__).parent / "vectors" / "leaf-v1.json").read_bytes())


@settings(deadline=None, max_examples=200)
@given(data=st.data(), value=values)
def test_no_member_of_a_known_kind_breaks_the_reader_by_its_value(data: st.DataObject, value: object) -> None:
    event = dict(data.draw(st.sampled_from(VECTORS))["event"])
    event[data.draw(st.sampled_from([*event, "another"]))] = value
    body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")

    try:
        read = body_of(body)
    except BadBody:
        read = None
    assert read in (None, event)


@pytest.mark.parametrize(
    "note",
    [
        "", "\n\n", "a\n\n", NOTE.replace("\n", "\r\n"), NOTE[:-1], NOTE + "\n", NOTE.replace("— ", "- "), NOTE + NOTE,
        NOTE.replace("7\n", "10737418240000000000000\n"), NOTE.replace("7\n", "18446744073709551616\n"),
        NOTE.replace("7\n", "07\n"), NOTE.replace("7\n", "-7\n"),
        NOTE.replace("7\n", "\u0667\n"), NOTE.replace("7\n", "7 \n"),
        NOTE.replace(ROOT, ROOT[:-1]), NOTE.replace(ROOT, ROOT[:-2] + "B="),
        NOTE.replace(ROOT, ROOT.replace("A", "-", 1)),
        NOTE.replace(ROOT, ROOT + "\x00"), NOTE.replace("name", "na\x7fme"), "\ud800" + NOTE, NOTE * 2_000,
        "x\n" * 40_000 + "\n— a b\n", NOTE.replace("\n\n", "\n\n" + "— name AAAAAAAA\n" * 101),
    ],
)  # fmt: skip
def test_hostile_notes_are_refused_in_bounded_time(note: str) -> None:
    with bounded(), pytest.raises(BadNote):
        checkpoint_of(parts_of(note)[0])


def test_the_note_that_they_were_made_of_is_read() -> None:
    assert checkpoint_of(parts_of(NOTE)[0]).size == 7


@settings(deadline=None)
@given(note=st.text(max_size=400), at=st.integers(0, len(NOTE)), piece=st.text(max_size=5))
def test_any_text_is_a_note_or_none(history: History, note: str, at: int, piece: str) -> None:
    key = key_of(history.vkey)
    kept = history.kept[0]
    broken = kept[:at] + piece + kept[at + len(piece) + 1 :]

    for each in (note, broken, NOTE[:at] + piece + NOTE[at:]):
        with bounded(), pytest.raises(BadNote):
            opened(each, key)


@pytest.mark.parametrize(
    "text", ["QQ=", "QQ", "QR==", "Q Q==", "QQ==\n", "=QQ=", "Q-==", "é", "\ud800", "QQ=="[:-1] + " "]
)
def test_base64_is_read_in_the_one_way_in_which_it_is_written(text: str) -> None:
    with pytest.raises(BadNote):
        exact_base64(text)


@settings(deadline=None)
@given(data=st.binary(max_size=60), other=st.text(max_size=30))
def test_base64_that_is_read_is_written_alike(data: bytes, other: str) -> None:
    assert exact_base64(b64encode(data).decode()) == data
    with suppress(BadNote):
        assert b64encode(exact_base64(other)).decode() == other


HEADS = ("index 7", "index 18446744073709551616", "index -1", "index 07", "old 0", "old 9", "index", "", "index 1e3")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("count", [0, 1, 63, 64, 500])
def test_no_proof_is_believed_that_does_not_lead_to_the_root(history: History, head: str, count: int) -> None:
    lines = ["c2sp.org/tlog-proof@v1", "extra e30=", head, *[HASH] * count, "", history.kept[0]]

    with bounded(), pytest.raises(BadNote):
        proved("\n".join(lines), key_of(history.vkey))
    with bounded(), pytest.raises(BadNote):
        proved("\n".join(lines[2:]), key_of(history.vkey), opened(history.kept[0], key_of(history.vkey)))


@settings(deadline=None)
@given(text=st.text(max_size=300), above=st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_a_proof_or_none(history: History, text: str, above: list[str]) -> None:
    for each in (text, "\n".join(["c2sp.org/tlog-proof@v1", *above, "", history.kept[0]])):
        with bounded(), pytest.raises(BadNote):
            proved(each, key_of(history.vkey))


@settings(deadline=None)
@given(at=st.integers(0, len(LINE)), piece=st.binary(max_size=6), gone=st.integers(0, 6))
@example(at=0, piece=b"", gone=0)
def test_any_line_is_an_entry_or_none(at: int, piece: bytes, gone: int) -> None:
    line = LINE[:at] + piece + LINE[at + gone :]

    with bounded():
        try:
            row = row_of(line)
        except (Unreadable, BadBody):
            assert line != LINE
            return
    assert len(row.hash) == 32


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (row_of, LINE.replace(b'"seq":0', b'"seq":18446744073709551616')),
        (row_of, LINE.replace(b'"seq":0', b'"seq":-1')),
        (row_of, LINE.replace(b'"seq":0', b'"seq":true')),
        (row_of, LINE.replace(b'"seq":0', b'"seq":0,"seq":0')),
        (row_of, LINE.replace(b'"ts":1', b'"ts":1.5')),
        (row_of, LINE.replace(b'"ts":1', b'"ts":"1"')),
        (row_of, LINE.replace(b'"found_by":{', b'"links":[["","",""]],"found_by":{')),
        (row_of, LINE.replace(b'"found_by":{', b'"links":[[]],"found_by":{')),
        (row_of, LINE.replace(b'"found_by":{', b'"more":1,"found_by":{')),
        (row_of, LINE.replace(HASH.encode(), HASH[:-1].encode())),
        (subtree_of, b'{"first":0,"last":18446744073709551616,"hash":"' + HASH.encode() + b'"}'),
        (subtree_of, b"[" * 100_000),
        (parsed, b'{"a":NaN}'),
    ],
)
def test_a_line_with_another_number_or_member_is_none(reader: Callable[[bytes], object], line: bytes) -> None:
    with bounded(), pytest.raises((Unreadable, BadBody)):
        reader(line)


ABOUT = {"format": ledger_verify.FORMAT, "key": "", "first": 0, "peaks": [], "links": False}
FILES = ("export.json", "entries.jsonl", "checkpoints.jsonl", "subtrees.jsonl")


@settings(deadline=None, max_examples=60)
@given(contents=st.tuples(*[st.binary(max_size=80) | st.sampled_from(HOSTILE) | st.just(b"")] * 4), whole=st.booleans())
def test_any_folder_ends_in_a_report_and_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, contents: tuple[bytes, ...], whole: bool
) -> None:
    folder = tmp_path_factory.mktemp("export")
    for name, content in zip(FILES, contents, strict=True):
        (folder / name).write_bytes(content)
    if whole:
        (folder / "export.json").write_text(json.dumps(ABOUT), "utf-8")

    with bounded():
        code = main([str(folder), "--json"])

    assert code in (UNREADABLE, INCOMPLETE, *range(11, 25))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", HOSTILE)
def test_a_real_export_with_one_hostile_file_is_not_sound(
    history: History, tmp_path: Path, name: str, content: bytes
) -> None:
    for each in FILES:
        (tmp_path / each).write_bytes(b"")
    (tmp_path / "export.json").write_text(json.dumps(ABOUT), "utf-8")
    (tmp_path / name).write_bytes(content)

    with bounded():
        assert main([str(tmp_path), "--key", history.vkey]) != 0


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_file_with_any_bytes_changed_is_judged_without_a_traceback(
    history: History, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    copy = history.copy(tmp_path_factory.mktemp("copy"))
    raw = bytearray(copy.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1) | st.integers(0, 200))
    piece = data.draw(st.binary(min_size=1, max_size=64))
    raw[at : at + len(piece)] = piece
    copy.write_bytes(raw)

    with bounded():
        code = main([str(copy), "--key", history.vkey])

    assert code in (0, UNREADABLE, INCOMPLETE, *range(11, 25))


def test_proofs_of_a_real_log_are_read(history: History) -> None:
    proof = proof_of(f"c2sp.org/tlog-proof@v1\nextra e30=\nindex 3\n{HASH}\n\n{history.kept[0]}")

    assert (proof.entry, proof.number, proof.hashes) == (b"{}", 3, (b64decode(HASH),))


@pytest.mark.parametrize("words", [["--key", "x"], ["--since", "/nowhere"], ["--proof", "/nowhere"], ["/nowhere"]])
def test_what_is_typed_wrongly_is_said(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == UNREADABLE
    assert len(capsys.readouterr().out.splitlines()) == 1
