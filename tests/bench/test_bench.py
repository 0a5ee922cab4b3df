import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import clearance, documents, mitm, plain
from bench.clearance import Share
from bench.disk import fdatasync_us
from bench.documents import Cost
from bench.minimal import TARGET, UnfitBody, minimised_answer, minimised_order
from bench.order import ANSWER, BUYER_NUMBER, ORDER_NUMBER, PSEUDONYM, expected, order, template
from bench.process import BenchError, cpu, environment, free_port, parse_stat, rss, started, stop
from bench.report import Comparison, Memory, Sample, rendered
from bench.servers import LOCK
from bench.sink import Seen, Sink
from bench.verify import faults_of_answer, faults_of_body, faults_of_head
from bench.wrk import Load, parse_load

SAMPLE = Sample("gateway", 1, rate=1000, p50_us=900, p99_us=1800, cpu_us=300, errors=0)
ANSWER_TEXT = '{"tracking_number": "PG-1", "status": "accepted", "reference": "psn_0", "driver": {"name": "Bob"}}'


def comparison(*samples: Sample) -> Comparison:
    return Comparison(samples, fdatasync_us=150, rounds=1, seconds=1, versions={})


def minimised(text: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(minimised_order(text.encode()))
    return document


class TestOrder:
    def test_it_is_about_nine_hundred_bytes(self) -> None:
        assert 850 <= len(template()) <= 950

    @given(st.integers(0, 10**14 - 1))
    def test_every_number_gives_an_order_of_the_same_length_and_a_buyer_of_its_own(self, number: int) -> None:
        text = order(number)

        assert len(text) == len(template())
        assert json.loads(text)["reference"] == f"A-{number:014d}"
        assert json.loads(text)["customer_id"] == f"C-{number:014d}"

    def test_the_stand_ins_are_what_the_script_of_wrk_looks_for(self) -> None:
        assert re.findall(r"@[a-z]+_number@", template()) == [ORDER_NUMBER, BUYER_NUMBER]


class TestMinimisation:
    def test_what_leaves_is_what_the_contract_names_and_a_pseudonym(self) -> None:
        sent = minimised(order(7))

        assert re.fullmatch(PSEUDONYM, str(sent.pop("reference")))
        assert sent == expected(order(7))

    def test_nothing_that_stays_is_anywhere_in_what_leaves(self) -> None:
        sent = minimised_order(order(7).encode()).decode()

        for stays in (
            "00000007",
            "annegret@",
            "1961",
            "12 345",
            "Retinol",
            "RNS-30",
            "rosacea",
            "gold",
            "s-7f3a9c41d2",
        ):
            assert stays not in sent

    @given(
        st.one_of(
            st.binary(max_size=40),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["reference", "items", "x"]), inner)
                ),
            ).map(lambda value: json.dumps(value).encode()),
        )
    )
    def test_a_body_that_is_no_order_is_refused(self, payload: bytes) -> None:
        with pytest.raises(UnfitBody):
            minimised_order(payload)

    def test_an_object_where_a_name_was_expected_stays(self) -> None:
        given_order = json.loads(order(1))
        given_order["recipient"]["name"] = {"first": "Ann"}

        assert "Ann" not in json.dumps(minimised(json.dumps(given_order))["recipient"]).replace("Annegret", "")

    def test_the_answer_keeps_what_is_shown_to_the_customer(self) -> None:
        kept = json.loads(minimised_answer(ANSWER_TEXT.encode()))

        assert kept == {"tracking_number": "PG-1", "status": "accepted"}


class TestVerification:
    def test_a_minimised_order_has_no_faults(self) -> None:
        given_order = order(1)

        assert faults_of_body(minimised_order(given_order.encode()).decode(), given_order) == []

    @pytest.mark.parametrize("path", ["customer_id", "crm"])
    def test_a_member_too_many_is_a_fault(self, path: str) -> None:
        sent = minimised(order(1)) | {path: json.loads(order(1))[path]}

        assert faults_of_body(json.dumps(sent), order(1))

    def test_a_reference_as_it_came_is_a_fault(self) -> None:
        sent = minimised(order(1)) | {"reference": json.loads(order(1))["reference"]}

        assert faults_of_body(json.dumps(sent), order(1)) == ["the reference is no pseudonym"]

    def test_a_digit_less_is_a_fault(self) -> None:
        sent = minimised_order(order(1).encode()).decode().replace("1.25", "1.2")

        assert faults_of_body(sent, order(1))

    def test_the_token_of_the_service_at_the_vendor_is_a_fault(self) -> None:
        head = "POST /v2/shipments HTTP/1.1\r\nauthorization: Bearer sandbox\r\n"

        assert faults_of_head(head, "secret-token") == []
        assert faults_of_head(head + "x-copy: secret-token\r\n", "secret-token")
        assert faults_of_head(head.replace("sandbox", "other"), "secret-token")

    def test_an_answer_with_a_member_too_many_is_a_fault(self) -> None:
        assert faults_of_answer(json.dumps(dict.fromkeys(ANSWER, "x"))) == []
        assert faults_of_answer(ANSWER_TEXT)


class TestPlain:
    @pytest.fixture
    async def received(self) -> list[httpx2.Request]:
        return []

    @pytest.fixture
    async def shop(self, received: list[httpx2.Request]) -> AsyncIterator[httpx2.AsyncClient]:
        def vendor(request: httpx2.Request) -> httpx2.Response:
            received.append(request)
            return httpx2.Response(201, text=ANSWER_TEXT)

        app = plain.app(httpx2.AsyncClient(transport=httpx2.MockTransport(vendor), base_url="http://vendor.test"))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://proxy.test") as client:
            yield client

    async def test_the_vendor_gets_the_minimised_order(
        self, shop: httpx2.AsyncClient, received: list[httpx2.Request]
    ) -> None:
        answer = await shop.post(TARGET, content=order(1), headers={"authorization": "Bearer of-the-shop"})

        [sent] = received
        assert (sent.method, sent.url.path) == ("POST", "/v2/shipments")
        assert sent.content == minimised_order(order(1).encode())
        assert sent.headers["authorization"] == "Bearer sandbox"
        assert (answer.status_code, set(answer.json())) == (201, set(ANSWER))

    async def test_a_body_that_is_no_order_does_not_reach_the_vendor(
        self, shop: httpx2.AsyncClient, received: list[httpx2.Request]
    ) -> None:
        answer = await shop.post(TARGET, content=b"not json")

        assert answer.status_code == 422
        assert received == []


class Flow:
    """What mitmproxy hands to an addon, as far as ours looks at it."""

    class Message:
        def __init__(self, content: bytes, headers: MutableMapping[str, str], path: str = "") -> None:
            self.content: bytes | None = content
            self.headers = headers
            self.path = path

    def __init__(self, content: bytes, path: str = TARGET) -> None:
        self.request = self.Message(
            content, {"Host": "vendor.test", "Authorization": "Bearer of-the-shop", "Cookie": "a=b"}, path
        )
        self.response = self.Message(ANSWER_TEXT.encode(), {})
        self.killed = False

    def kill(self) -> None:
        self.killed = True


class TestAddon:
    def test_a_flow_leaves_as_the_plain_proxy_sends_it(self) -> None:
        flow = Flow(order(1).encode())

        mitm.request(flow)
        mitm.response(flow)

        assert flow.request.content == minimised_order(order(1).encode())
        assert flow.request.path == "/v2/shipments"
        assert flow.request.headers == {
            "Host": "vendor.test",
            "content-type": "application/json",
            "authorization": "Bearer sandbox",
        }
        assert set(json.loads(flow.response.content or b"")) == set(ANSWER)
        assert not flow.killed

    @pytest.mark.parametrize(
        "flow", [Flow(b"not json"), Flow(order(1).encode(), "/elsewhere")], ids=["no order", "another target"]
    )
    def test_what_cannot_be_minimised_is_cut_off(self, flow: Flow) -> None:
        mitm.request(flow)

        assert flow.killed


class TestSink:
    @pytest.fixture
    async def sink(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        seen = Seen()
        server = await asyncio.get_running_loop().create_server(lambda: Sink(seen), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    async def test_orders_are_answered_one_by_one_even_in_pieces(
        self, sink: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        reader, writer = sink
        text = b"POST /v2/shipments HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"

        writer.write(text + text[:20])
        first = await answer_of(reader)
        writer.write(text[20:])
        second = await answer_of(reader)

        assert (first["tracking_number"], second["tracking_number"]) == ("PG-000000000001", "PG-000000000002")

    async def test_it_tells_what_it_has_seen_and_does_not_count_the_question(
        self, sink: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        reader, writer = sink
        text = b'POST /v2/shipments HTTP/1.1\r\nContent-Length: 7\r\n\r\n{"a":1}'

        writer.write(text + b"GET /seen HTTP/1.1\r\n\r\n")
        await answer_of(reader)
        seen = await answer_of(reader)

        assert (seen["requests"], seen["octets"], seen["body"]) == (1, len(text), '{"a":1}')

    async def test_a_body_without_a_length_is_not_taken(
        self, sink: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        reader, writer = sink

        writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

        assert (await reader.read()).startswith(b"HTTP/1.1 411 ")


async def answer_of(reader: asyncio.StreamReader) -> dict[str, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    [length] = re.findall(rb"content-length: (\d+)", head)
    document: dict[str, object] = json.loads(await reader.readexactly(int(length)))
    return document


class TestProcess:
    def test_a_stat_line_is_read_behind_a_name_with_blanks_and_parentheses(self) -> None:
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        line = "77 (a) b (c) S 1 42 42 0 -1 4194560 9 0 0 0 200 100 30 20 20 0 4 0 5 6 11 99"

        stat = parse_stat(line)

        assert (stat.group, stat.cpu, stat.rss) == (42, 350 / ticks, 11 * page)

    def test_what_a_child_used_counts_for_its_group(self, tmp_path: Path) -> None:
        busy = "import time\nwhile time.process_time() < 0.2: pass"
        program = (
            f"import subprocess, sys, socket\nsubprocess.run([sys.executable, '-c', {busy!r}])\n"
            "socket.create_server(('127.0.0.1', int(sys.argv[1]))).accept()\nimport time; time.sleep(60)"
        )
        port = free_port()

        group = started(
            [sys.executable, "-c", program, str(port)], port=port, log=tmp_path / "child.log", env=environment()
        )
        used, resident = cpu(group), rss(group)
        stop(group)

        assert used >= 0.2
        assert resident > 1_000_000
        assert (cpu(group), rss(group)) == (0, 0)

    def test_a_server_that_ends_at_once_is_reported_with_its_last_words(self, tmp_path: Path) -> None:
        argv = [sys.executable, "-c", "raise SystemExit('no such thing')"]

        with pytest.raises(BenchError, match="no such thing"):
            started(argv, port=free_port(), log=tmp_path / "broken.log", env=environment())


class TestWrk:
    def test_the_summary_is_the_last_line(self) -> None:
        output = (
            "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 1 connections\nRequests/sec:  10.00\n"
            '{"requests": 20, "seconds": 2.000100, "p50_us": 812.0, "p99_us": 2954.0, "errors": 0}\n'
        )

        assert parse_load(output) == Load(requests=20, seconds=2.0001, p50_us=812, p99_us=2954, errors=0)

    @pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused"])
    def test_no_summary_is_an_error(self, output: str) -> None:
        with pytest.raises(BenchError):
            parse_load(output)


class TestReport:
    def test_figures_are_medians_of_the_rounds_and_errors_their_sum(self) -> None:
        rounds = [replace(SAMPLE, cpu_us=cpu_us, errors=1) for cpu_us in (100, 900, 200)]

        [median] = [sample for sample in comparison(*rounds).medians() if sample.connections == 1]

        assert (median.cpu_us, median.errors) == (200, 3)

    def test_ratios_pair_the_samples_of_one_round(self) -> None:
        rival = replace(SAMPLE, server="plain")
        samples = [replace(SAMPLE, cpu_us=100), replace(rival, cpu_us=200), replace(SAMPLE, cpu_us=400)]

        ratio = comparison(*samples, replace(rival, cpu_us=800)).ratio("plain", 1)

        assert ratio == 0.5

    @pytest.mark.parametrize(("cpu_us", "must", "aim"), [(600, True, True), (610, True, False), (1000, False, False)])
    def test_cpu_is_judged_against_each_rival(self, cpu_us: float, must: bool, aim: bool) -> None:
        rival = replace(SAMPLE, server="plain", cpu_us=1000)

        claims = comparison(replace(SAMPLE, cpu_us=cpu_us), rival).claims()

        assert [(claim.kind, claim.met) for claim in claims] == [("must", must), ("aim", aim)]

    @pytest.mark.parametrize(("p50_us", "met"), [(1340, True), (1341, False)])
    def test_latency_is_judged_by_the_sink_and_two_durable_writes(self, p50_us: float, met: bool) -> None:
        sink = replace(SAMPLE, server="sink", p50_us=40)

        [claim] = comparison(sink, replace(SAMPLE, p50_us=p50_us)).claims()

        assert (claim.most, claim.met) == (1340, met)

    def test_without_our_own_figures_nothing_is_claimed(self) -> None:
        assert comparison(replace(SAMPLE, server="plain"), replace(SAMPLE, server="sink")).claims() == []

    def test_the_table_names_every_server_and_says_what_is_missed(self) -> None:
        text = rendered(comparison(*both_counts(SAMPLE), *both_counts(replace(SAMPLE, server="plain", cpu_us=100))))

        assert text.count("\ngateway ") == text.count("\nplain ") == 2
        assert "3.00 (at most 1.00) MISSED" in text

    @pytest.mark.parametrize(("grown", "met"), [(0, True), (5 * 2**20 - 1, True), (5 * 2**20, False)])
    def test_memory_may_differ_by_less_than_five_mebibytes(self, grown: int, met: bool) -> None:
        measured = Memory(20_000, 10**8, 100_000, 10**8 + grown, errors=0)

        assert measured.claim().met == met


def both_counts(sample: Sample) -> tuple[Sample, Sample]:
    return sample, replace(sample, connections=32)


def test_a_durable_write_takes_some_time(tmp_path: Path) -> None:
    assert fdatasync_us(tmp_path, times=3) > 0


def test_the_lock_of_mitmproxy_is_hashed_and_names_no_host() -> None:
    text = LOCK.read_text()

    pinned = re.findall(r"^[a-z0-9-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"==", text)) - len(re.findall(r"(?<=[a-z_]) == ", text))
    assert "://" not in text


class TestDocuments:
    @pytest.mark.parametrize("body", ["json", "form", "xml", "sentry-envelope"])
    def test_half_of_the_members_stay_and_the_others_leave(self, body: str) -> None:
        prepared, payload = documents._prepared(body, 20), documents._payload(body, 2_000)

        left = documents._through(prepared, payload, prepared.terms.sending.media[0])

        assert 0.9 < len(payload) / 2_000 < 1.2
        assert (left.count(b"Cosmetics"), left.count(b"33049900")) == (
            payload.count(b"title") // (1 + (body == "xml")),
        ) * 2
        assert not any(word in left for word in (b"sku", b"note", b"Serum"))

    def test_a_contract_has_the_rules_that_it_is_measured_with(self) -> None:
        prepared = documents._prepared("json", 100)

        assert len(prepared.sending.section.rules) == 100

    def test_the_claims_are_about_growth_and_about_the_standard_library(self) -> None:
        costs = [
            Cost("json", 100_000, 10, 1_000, 450),
            Cost("json", 100_000, 1_000, 1_600, 450),
            Cost("json", 1_000_000, 10, 9_000, 4_500),
        ]

        claims = [(round(claim.figure, 2), claim.met) for claim in documents.Documents(costs).claims()]

        assert claims == [(0.9, True), (1.6, False), (2.0, True)]

    def test_a_cost_is_of_this_process(self) -> None:
        cost = documents._cost("json", 1_000, 10)

        assert cost.cpu_us > 0
        assert cost.baseline_us > 0
        assert str(cost).startswith("json")


class TestClearance:
    def test_the_claim_is_about_what_is_left_without_deciding(self) -> None:
        shares = [Share("alike", 500, 480), Share("single", 600, 480)]

        claims = [(round(share.claim().figure, 2), share.claim().met) for share in shares]

        assert claims == [(0.04, True), (0.2, False)]
        assert "MISSED" in clearance.rendered(shares)

    def test_every_call_that_is_measured_is_sent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clearance, "BUYERS", 2 * clearance.TOGETHER)

        alike, single = clearance.clearance(tmp_path, rounds=1)

        assert alike.without_us > 0
        assert single.without_us > 0
