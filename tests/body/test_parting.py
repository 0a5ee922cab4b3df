"""Of a body that is not in memory the files stay where they stand, and everything else is as if it were."""

import gzip
import json
from collections.abc import Callable, Mapping
from random import Random

import pytest
from bodies import operation
from hypothesis import given
from hypothesis import strategies as st
from parts import BOUNDARY, MULTIPART, body, part
from stores_in_memory import away

from gateway.body import multipart, parting
from gateway.body.document import Digest
from gateway.body.multipart import from_first, parts_of
from gateway.body.parting import IN_MEMORY, Away, Content, parts
from gateway.contract.terms import Node
from gateway.errors import Refusal
from gateway.pieces import STEP, Extent, Pieces, whole

UPLOAD = operation("""
body: multipart
max_bytes: 32 MiB
nested:
  $.file: {body: opaque, media: [application/pdf, application/octet-stream], max_bytes: 16 MiB}
  $.scans.*: {body: opaque, media: [image/png], max_bytes: 1 MiB}
  $.meta: json
  $.packed: {body: opaque, encoding: [gzip], media: [application/gzip], max_bytes: 1 MiB}
groups:
  - why: The papers that customs asks for.
    fields: {$.file: order.declared_value, $.scans.*: order.declared_value, $.packed: order.declared_value}
  - why: The vendor files scans by their names.
    fields: {$.scans.*.@filename: order.declared_value}
  - why: What it is for, in words of the vendor.
    category: not_personal
    fields: [$.purpose, $.meta.kind]
""")
PDF = b"%PDF-1.7\r\n\r\n" + bytes(range(256)) + b"\r\n--xYzZY\r\n--\r\n"
TREE = Node("$")
FIELDS = [part("purpose", "customs"), part("meta", '{"kind":"invoice","by":"Zoe"}')]


def found(payload: bytes, tree: Node = TREE) -> list[tuple[str, bool, bytes]]:
    """Name and content of each part of a body that is not in memory, and whether the content is not either."""
    made = parts(away(payload), BOUNDARY, tree)
    return [
        (head.name, isinstance(content, Away), whole(content.content) if isinstance(content, Away) else bytes(content))
        for head, content in made
    ]


def test_a_file_stays_where_it_stands_and_a_text_does_not() -> None:
    payload = body(
        part("a", "text"), part("f", PDF, "X: y", filename="a"), part("b", "more"), part("g", b"", filename="g")
    )

    assert found(payload) == [("a", False, b"text"), ("f", True, PDF), ("b", False, b"more"), ("g", True, b"")]


def test_of_a_body_in_memory_everything_is() -> None:
    [(_, content)] = parts(body(part("f", PDF, filename="a")), BOUNDARY, TREE)

    assert isinstance(content, Content)
    assert (bytes(content), content.length, content.beginning) == (PDF, len(PDF), PDF[:16])


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 2 * STEP), st.sampled_from([b"a", b"\r\n\r\n", b"\r\n--", b"\r"])),
        max_size=5,
    )
)
def test_files_are_found_byte_for_byte_wherever_steps_end(made: list[tuple[bool, int, bytes]]) -> None:
    given_parts = [(is_file, (filling * length)[:length]) for is_file, length, filling in made]
    payload = body(*[part("x", data, filename="f" if is_file else None) for is_file, data in given_parts])

    assert found(payload) == [("x", is_file, data) for is_file, data in given_parts]


def test_what_is_no_file_is_bounded_together() -> None:
    half = b"t" * (IN_MEMORY // 2)
    payload = body(part("a", half), part("f", half + half, filename="f"), part("b", half))

    assert len(found(payload)) == 3
    with pytest.raises(Refusal) as caught:
        found(payload[: -len(BOUNDARY) - 8] + b"more" + payload[-len(BOUNDARY) - 8 :])
    assert caught.value.code == "body.too_large"


BODIES: dict[str, list[bytes]] = {
    "a file": [*FIELDS, part("file", PDF, "Content-Type: application/pdf", filename="zoe.pdf")],
    "a file without a name": [*FIELDS, part("file", PDF)],
    "a long file": [*FIELDS, part("file", Random(1).randbytes(5 * STEP + 1), filename="zoe")],
    "a file that is empty": [*FIELDS, part("file", b"", filename="zoe")],
    "files in a list, with names": [part("scans[]", PDF * number, filename=f"z{number}.png") for number in range(1, 4)],
    "a file that is packed": [part("packed", gzip.compress(PDF), "Content-Type: application/gzip", filename="a.gz")],
    "a file that nothing names": [*FIELDS, part("other", PDF, filename="zoe"), part("file", PDF)],
    "a file that holds the token": [*FIELDS, part("file", PDF + b"gtw-token-1", filename="zoe")],
    "a file that holds the token, in a list": [
        part("scans[]", PDF + b"gtw-token-1", filename="zoe"), part("scans[]", PDF, filename="bob"),
    ],
    "no file": FIELDS,
}  # fmt: skip


def name_of(head: Mapping[str, str]) -> str:
    return head["content-disposition.name"]


@pytest.mark.parametrize("made", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
async def test_what_leaves_and_what_stays_is_the_same_as_from_memory(made: list[bytes], packed: bool) -> None:
    payload = body(*made, before=b"nobody's\r\n")
    headers = [MULTIPART, ("order", "A-10045")]
    if packed:
        payload, headers = gzip.compress(payload), [*headers, ("content-encoding", "gzip")]

    near, kept_near = await UPLOAD.sent(payload, *headers)
    far, kept_far = await UPLOAD.sent_from_elsewhere(payload, *headers)

    assert parts_of(near.payload) == parts_of(far.payload) != []
    assert len(far.body) == len(far.payload)
    assert isinstance(far.body, Pieces) is any(
        name_of(head) in ("file", "scans[]") for head, _ in parts_of(near.payload)
    )
    assert (kept_near.withheld, kept_near.counts) == (kept_far.withheld, kept_far.counts)
    assert b"nobody" not in far.payload


REFUSED: dict[str, tuple[bytes, str]] = {
    "no end": (body(part("file", PDF))[:-9], "body.unreadable"),
    "two files": (body(part("file", PDF), part("file", PDF)), "field.repeated"),
    "too long a file": (body(part("scans[]", bytes(1024 * 1024 + 1))), "body.too_large"),
    "another type": (body(part("file", PDF, "Content-Type: text/html")), "body.media"),
    "a file for a text": (body(part("purpose", PDF, filename="a")), "body.unreadable"),
    "no document": (body(part("meta", "{", filename="a")), "body.unreadable"),
    "two file names": (body(part("file", PDF, filename='a"; filename="b')), "body.unreadable"),
    "another boundary": (body(part("file", PDF), boundary="other"), "body.unreadable"),
    "nothing": (b"nothing", "body.unreadable"),
}


@pytest.mark.parametrize(("payload", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_in_memory_is_refused_elsewhere_too(payload: bytes, code: str) -> None:
    for sent in (UPLOAD.sent, UPLOAD.sent_from_elsewhere):
        with pytest.raises(Refusal) as caught:
            await sent(payload, MULTIPART, ("order", "A-10045"))

        assert caught.value.code == code


async def sent(content: bytes = PDF) -> bytes:
    payload = body(*FIELDS, part("file", content, filename="zoe"))
    sending, _ = await UPLOAD.sent_from_elsewhere(payload, MULTIPART, ("order", "A-10045"))
    return parts_of(sending.payload)[-1][1]


def shifted(self: Pieces, start: int, size: int) -> Pieces:
    """A part that begins one byte too late, if it is the file."""
    return honest(self, start + (size == len(PDF)), size)


honest = Pieces.part


def forgetful(self: Digest, data: bytes) -> None:
    self.length += len(data)


SABOTAGE: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a file that is looked for elsewhere": lambda patch: patch.setattr(Pieces, "part", shifted),
    "a reader that does not look": lambda patch: patch.setattr(Away, "update", forgetful, raising=False),
    "another file in its place": lambda patch: patch.setattr(multipart, "_content", lambda *_: away(PDF[::-1])),
    "a text in its place": lambda patch: patch.setattr(multipart, "_content", lambda *_: b"x"),
}


@pytest.mark.parametrize("broken", SABOTAGE.values(), ids=SABOTAGE)
async def test_what_leaves_is_proved_against_what_was_read(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await sent() == PDF
    broken(monkeypatch)

    with pytest.raises(Refusal) as caught:
        await sent()

    assert caught.value.code == "proof.failed"


async def test_a_boundary_of_ours_stands_in_no_file_that_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_boundaries", lambda _: iter([b"b" * 40, b"c" * 40]))

    assert await sent(PDF + b"b" * 40) == PDF + b"b" * 40


async def test_documents_in_parts_are_looked_into_as_ever() -> None:
    payload = body(*FIELDS, part("file", PDF, filename="zoe"))
    sending, _ = await UPLOAD.sent_from_elsewhere(payload, MULTIPART, ("order", "A-10045"))

    [meta] = [content for head, content in parts_of(sending.payload) if name_of(head) == "meta"]
    assert json.loads(meta) == {"kind": "invoice"}


def test_no_more_than_a_step_of_a_file_is_asked_for_at_once() -> None:
    payload = away(body(part("f", PDF * 3_000, filename="f")))
    first = from_first(payload, MULTIPART[1])
    assert isinstance(first, Pieces)

    assert len(list(parts(first, BOUNDARY, TREE))) == 1

    [piece] = payload.pieces
    assert isinstance(piece, Extent)
    assert 0 < getattr(piece.store, "longest", 0) <= max(STEP, parting._HEAD)
