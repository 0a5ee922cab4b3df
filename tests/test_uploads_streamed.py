"""Files that are too long for memory go through byte for byte, written down before, and are nowhere in clear."""

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import ClassVar, cast

import pytest
from clearances import placed
from parts import BOUNDARY, body, part
from processes import Machine, Serving
from running import PATIENCE, Running, running
from shop_contracts import FACTS
from sockets import Client, Reply
from test_exchange_order import intents_on_disk
from test_spool import Open
from test_uploads_on_the_wire import LEFT, ORDER, SET, UPLOAD, arrived
from vendors import Script, answers, hangs_up
from waiting import wait_until

from gateway import spool as spool_module
from gateway.outbound.http1 import Http1

MIB = 1024 * 1024
CANARY = b"canary-of-a-file"
PAPER = b"%PDF-1.7\r\n" + Random(7).randbytes(3 * MIB) + CANARY * 4_096
INVOICE = part("invoice", PAPER, "Content-Type: application/pdf", filename="zoe.pdf")
MULTIPART = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
LONG = (
    UPLOAD.replace("max_bytes: 512 KiB", "max_bytes: 64 MiB")
    .replace("max_bytes: 256 KiB", "max_bytes: 60 MiB")
    .replace("sending:", "retry: {attempts: 2, key: header:Idempotency-Key}\nsending:", 1)
    .replace("fields: [$.meta.kind, $.tags.*]", "fields: [$.meta.kind, $.tags.*, header:Idempotency-Key]")
)
SCAN = (
    LONG[: LONG.index("retry:")].replace("operation: upload", "operation: scan").replace("/papers", "/scans")
    .replace("evidence: {order: $.order}", "evidence: {order: header:order}")
    + """\
sending:
  body: opaque
  media: [application/pdf]
  max_bytes: 64 MiB
  groups:
    - why: Customs asks to see the invoice.
      fields: {$: order.declared_value}
examples:
  - name: a scan leaves whole
    given: |
      POST /scans
      Order: A-1

      %PDF-1.7
    sends: |
      POST /scans

      %PDF-1.7
"""
)  # fmt: skip
FILES = {**SET, "parcels/upload.yaml": LONG, "parcels/scan.yaml": SCAN}
ANSWER = b'{"number":7}'
ACCEPTS = answers(200, ANSWER, "content-type: application/json")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("streamed"), files=FILES) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running) -> Iterator[Running]:
    yield from anew(shared, ACCEPTS)


def anew(shared: Running, script: Script) -> Iterator[Running]:
    """A gateway as if no call had been made yet, whose vendor answers so; afterwards nothing of a call is left."""
    shared.reset()
    shared.parcels.script, shared.parcels.eager = script, False

    async def all_connections_anew() -> None:
        cast("Http1", shared.gateway.exchange._vendors)._drop(lambda _: True)

    shared.do(all_connections_anew)
    yield shared
    assert nothing_is_left(shared)


def nothing_is_left(gateway: Running) -> bool:
    """Once no call is on its way any more."""
    proxy = gateway.gateway.proxy
    # A call is over a moment before what it held is let go, and this is another thread.
    wait_until(lambda: not proxy.busy and not proxy._spools.taken, PATIENCE)
    return files_without_names(gateway) == []


def opened_files(descriptors: str) -> Iterator[str]:
    """Where the descriptors of a process lead, as far as they are still open."""
    for link in Path(descriptors).iterdir():
        with suppress(FileNotFoundError):
            yield str(link.readlink())


def files_without_names(gateway: Running) -> list[bytes]:
    """What stands in the files of the data folder that have no name and are open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            target = str(link.readlink())
            if target.startswith(str(gateway.folder / "data")) and target.endswith("(deleted)"):
                found.append(link.read_bytes())
    return found


def uploaded(gateway: Running, *parts: bytes, fields: tuple[str, ...] = ()) -> Reply:
    return gateway.call("POST", "/parcels/papers", MULTIPART, *fields, body=body(*(parts or (ORDER, INVOICE))))


def test_a_long_file_arrives_byte_for_byte_and_is_recorded_by_its_length(gateway: Running) -> None:
    reply = uploaded(gateway)

    assert (reply.status, reply.payload) == (200, ANSWER)
    assert arrived(gateway) == [(LEFT, PAPER)]
    [sent] = gateway.parcels.received
    [intent] = gateway.record(kind="intent")[:1]
    assert intent["payload"]["bytes"] == intent["outcome"]["bytes_sent"] == len(sent.payload)
    assert intent["payload"]["media"] == "multipart/form-data"


def test_it_arrives_however_it_is_cut_and_chunked(gateway: Running) -> None:
    payload = body(ORDER, INVOICE)
    head = gateway.raw("POST", "/parcels/papers", MULTIPART, "Transfer-Encoding: chunked")
    client = gateway.client()
    client.say(head)
    random, start = Random(3), 0
    while start < len(payload):
        chunk = payload[start : start + random.choice([1, 7, 4_096, 65_536, 300_000])]
        client.say(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        start += len(chunk)
    client.say(b"0\r\n\r\n")
    reply = client.reply()
    client.close()

    assert reply.status == 200
    assert arrived(gateway) == [(LEFT, PAPER)]


def test_a_packed_file_is_unpacked_elsewhere_too(gateway: Running) -> None:
    payload = gzip.compress(body(ORDER, INVOICE), 1)

    reply = gateway.call("POST", "/parcels/papers", MULTIPART, "Content-Encoding: gzip", body=payload)

    assert reply.status == 200
    assert arrived(gateway) == [(LEFT, PAPER)]


def test_a_body_that_swells_is_refused_before_it_does(gateway: Running) -> None:
    payload = gzip.compress(body(ORDER, part("invoice", bytes(12 * MIB))))

    reply = gateway.call("POST", "/parcels/papers", MULTIPART, "Content-Encoding: gzip", body=payload)

    assert (reply.status, reply.code) == (413, "body.too_large")
    assert gateway.parcels.received == []


def test_an_opaque_body_goes_the_same_way(gateway: Running) -> None:
    reply = gateway.call("POST", "/parcels/scans", "Content-Type: application/pdf", "Order: A-10045", body=PAPER)

    assert reply.status == 200
    [sent] = gateway.parcels.received
    assert sent.payload == PAPER


def test_a_vendor_that_hangs_up_gets_it_again_from_the_beginning(gateway: Running) -> None:
    scripts = [hangs_up, ACCEPTS]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await scripts.pop(0)(reader, writer)

    gateway.parcels.script = script

    reply = uploaded(gateway, fields=("Idempotency-Key: k-1",))

    assert reply.status == 200
    first, second = gateway.parcels.received
    assert first.payload == second.payload
    assert [each["outcome"]["result"] for each in gateway.record(kind="intent")[:2]] == ["sent", "possibly"]


def looking(gateway: Running, look: Callable[[], None]) -> Script:
    """A vendor that looks around when the first byte of a call comes, before it reads on."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        look()
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        gateway.parcels.connections[-1] += await reader.readexactly(int(length.partition(b":")[2]))
        await ACCEPTS(reader, writer)
        writer.close()

    gateway.parcels.eager = True
    return script


def test_an_intent_stands_on_the_disk_before_the_first_byte_of_a_file_leaves(gateway: Running) -> None:
    before = len(gateway.entries(kind="intent"))
    seen: list[int] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        seen.append(await intents_on_disk(gateway.folder))
        assert first
        await hangs_up(reader, writer)

    gateway.parcels.script, gateway.parcels.eager = script, True

    assert uploaded(gateway).code == "vendor.broken"
    assert seen == [before + 1]


def seen_on_disk(gateway: Running, call: Callable[[], Reply]) -> list[bytes]:
    """What stands in the data folder, in files with names and without, while the call is on its way."""
    seen: list[bytes] = []

    def look() -> None:
        seen.extend(files_without_names(gateway))
        seen.extend(file.read_bytes() for file in (gateway.folder / "data").iterdir() if file.is_file())

    gateway.parcels.script = looking(gateway, look)
    assert call().status == 200
    return seen


def test_no_file_shows_anything_of_a_body_on_its_way(gateway: Running) -> None:
    seen = seen_on_disk(gateway, lambda: uploaded(gateway))

    assert PAPER in gateway.parcels.raw
    assert max(map(len, seen)) > len(PAPER)
    assert not any(CANARY in each for each in seen)


def test_a_file_in_clear_would_be_seen(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "AESGCM", Open)

    assert any(CANARY in each for each in seen_on_disk(gateway, lambda: uploaded(gateway)))


REFUSED = {
    "nobody's order": (part("order", "A-0"), INVOICE),
    "no end of a part": (ORDER, INVOICE, b"no head"),
    "two files": (ORDER, INVOICE, INVOICE),
    "a text that is too long": (ORDER, INVOICE, part("note", "n" * (5 * MIB))),
}


@pytest.mark.parametrize("parts", REFUSED.values(), ids=REFUSED)
def test_of_what_is_refused_nothing_leaves_and_nothing_is_left(gateway: Running, parts: tuple[bytes, ...]) -> None:
    reply = uploaded(gateway, *parts)

    assert reply.status in (403, 413, 422)
    assert gateway.received == []
    assert nothing_is_left(gateway)


def test_a_body_that_says_that_it_is_too_long_is_refused_unread(gateway: Running) -> None:
    client = gateway.client()
    head = gateway.raw("POST", "/parcels/papers", MULTIPART, f"Content-Length: {64 * MIB + 1}")
    client.say(head)
    reply = client.reply()
    client.close()

    assert (reply.status, reply.code) == (413, "body.too_large")


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Running]:
    """A gateway whose bodies have 2 MiB of the disk, and may be 1 MiB long."""
    files = {**FILES, "parcels/upload.yaml": LONG.replace("64 MiB", "1 MiB").replace("60 MiB", "1 MiB")}
    with running(tmp_path, files=files, spool_bytes=2 * MIB) as gateway:
        yield gateway


def test_a_body_that_does_not_say_so_is_cut_off_where_it_becomes_too_long(short: Running) -> None:
    client = short.client()
    client.say(short.raw("POST", "/parcels/papers", MULTIPART, "Transfer-Encoding: chunked"))
    for _ in range(17):
        client.say(b"10000\r\n" + bytes(65536) + b"\r\n")
    reply = client.reply()
    client.close()

    assert (reply.status, reply.code) == (413, "body.too_large")
    assert short.received == []
    assert nothing_is_left(short)


def test_more_than_the_disk_has_room_for_is_refused_and_tried_later(short: Running) -> None:
    short.parcels.script = ACCEPTS
    waiting = [short.client() for _ in range(3)]
    for client in waiting:
        # The one that is refused is heard out for a while only.
        with suppress(ConnectionError):
            client.say(short.raw("POST", "/parcels/papers", MULTIPART, f"Content-Length: {MIB}") + bytes(MIB - 1))
    wait_until(lambda: bool(short.entries(kind="refusal")))
    for client in waiting:
        client.close()

    assert short.record(kind="refusal")[-1]["code"] == "gateway.overloaded"
    assert nothing_is_left(short)
    assert uploaded(short, ORDER, part("invoice", PAPER[: MIB // 2])).status == 200


def test_a_slow_caller_is_cut_off_by_the_deadline(tmp_path: Path) -> None:
    with running(tmp_path, files=FILES, body_deadline=0.5) as gateway:
        client = gateway.client()
        payload = body(ORDER, INVOICE)
        client.say(gateway.raw("POST", "/parcels/papers", MULTIPART, f"Content-Length: {len(payload)}"))
        with suppress(ConnectionError):
            client.say(payload[: 2 * MIB])
        reply = client.reply()
        client.close()

        assert (reply.status, reply.code) == (400, "http.timeout")
        assert gateway.received == []


def test_a_caller_that_goes_away_leaves_nothing(gateway: Running) -> None:
    client = gateway.client()
    payload = body(ORDER, INVOICE)
    client.say(gateway.raw("POST", "/parcels/papers", MULTIPART, f"Content-Length: {len(payload)}"))
    client.say(payload[: 2 * MIB])
    wait_until(lambda: gateway.gateway.proxy._spools.taken > 0)
    client.close()

    assert nothing_is_left(gateway)
    assert gateway.received == []


def test_what_a_vendor_answers_before_the_end_is_its_answer(gateway: Running) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await ACCEPTS(reader, writer)
        await asyncio.sleep(0.2)
        writer.close()

    gateway.parcels.script, gateway.parcels.eager = script, True

    assert uploaded(gateway).status == 200


def test_other_calls_go_on_while_a_file_is_on_its_way(gateway: Running) -> None:
    reached, go_on = threading.Event(), threading.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reached.set()
        await asyncio.to_thread(go_on.wait, 20)
        await hangs_up(reader, writer)

    gateway.parcels.script, gateway.parcels.eager = script, True
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(uploaded, gateway)
        assert reached.wait(60)
        other = gateway.said(gateway.raw("GET", "/parcels/nothing"))
        is_under_way = not upload.done()
        go_on.set()

    assert (other.status, is_under_way) == (403, True)


class Counting(BaseHTTPRequestHandler):
    """A vendor that remembers of each file its digest."""

    protocol_version = "HTTP/1.1"
    digests: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers["content-length"]))
        if "boundary" in self.headers["content-type"]:
            file = payload[payload.index(b"\r\n\r\n") + 4 : payload.rindex(b"\r\n--")]
            self.digests.append(sha256(file).digest())
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Nothing: what a vendor logs is its own."""


@contextmanager
def machine(folder: Path, *program: str, files: Mapping[str, str] = FILES) -> Iterator[tuple[Serving, str]]:
    """A gateway in a process of its own, before such a vendor, and a token for it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        hosts = json.dumps(dict.fromkeys(("faults", "parcels", "payments"), url))
        made = Machine(folder, files=placed(files), settings={"SANDBOX": hosts})
        assert made.typed("facts", "put", "-", stdin="\n".join(map(json.dumps, FACTS))).returncode == 0
        token = made.typed("token", "issue", "--service", "fulfilment").stdout.strip()
        with made.serving(*program) as serving:
            yield serving, token
        server.shutdown()


def peak(serving: Serving) -> int:
    """The most memory that a process ever had, in MiB."""
    status = Path(f"/proc/{serving.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024


def upload_at_once(serving: Serving, token: str, paper: bytes, times: int) -> list[int]:
    """The statuses of as many uploads of a file at the same time."""
    payload = body(ORDER, part("invoice", paper))
    head = "\r\n".join(
        ["POST /parcels/papers HTTP/1.1", "Host: a", f"Authorization: Bearer {token}", MULTIPART,
         f"Content-Length: {len(payload)}", "", ""]
    )  # fmt: skip

    def upload() -> int:
        client = Client(("127.0.0.1", serving.port), patience=60.0)
        client.say(head.encode())
        client.say(payload)
        status = client.reply().status
        client.close()
        return status

    with ThreadPoolExecutor(times) as pool:
        return [each.result() for each in [pool.submit(upload) for _ in range(times)]]


# Three files of 40 MiB at once, against the same of 1 MiB: 19 MiB is what measures differ by, not a file's length.
MOST = 20
IN_MEMORY = "import gateway.spool as s; s.IN_MEMORY = 1 << 40; from gateway.__main__ import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize(("program", "grows"), [((), False), (("-c", IN_MEMORY), True)], ids=["streamed", "in memory"])
def test_memory_does_not_grow_with_a_file(tmp_path: Path, program: tuple[str, ...], *, grows: bool) -> None:
    with machine(tmp_path, *program) as (serving, token):
        assert upload_at_once(serving, token, PAPER[:MIB], 3) == [200] * 3
        before = peak(serving)
        paper = Random(40).randbytes(40 * MIB)
        Counting.digests.clear()

        assert upload_at_once(serving, token, paper, 3) == [200] * 3

        assert Counting.digests == [sha256(paper).digest()] * 3
        assert (peak(serving) - before > MOST) is grows


@pytest.mark.slow
def test_a_gateway_that_is_killed_amid_a_file_leaves_nothing_of_it(tmp_path: Path) -> None:
    with machine(tmp_path) as (serving, token):
        client = Client(("127.0.0.1", serving.port))
        head = f"POST /parcels/papers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{MULTIPART}\r\n"
        client.say(f"{head}Content-Length: {8 * MIB}\r\n\r\n".encode() + body(ORDER, INVOICE))
        spooled = f"/proc/{serving.process.pid}/fd"
        wait_until(lambda: any("(deleted)" in file for file in opened_files(spooled)))
        names = {file.name for file in (tmp_path / "data").iterdir()}
        serving.process.kill()
        serving.process.wait(60)
        client.close()

    left = [file for file in (tmp_path / "data").iterdir() if file.is_file()]
    assert {file.name for file in left} <= names
    assert not any(CANARY in file.read_bytes() for file in left)
