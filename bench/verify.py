"""Before any load: each server sends the vendor the same order, and the shop the same answer."""

import http.client
import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from bench.minimal import VENDOR_KEY, VENDOR_TARGET
from bench.order import ANSWER, PSEUDONYM, expected, order
from bench.process import BenchError, Server
from bench.servers import SinkServer


def verify(name: str, server: Server, sink: SinkServer) -> None:
    """Posts one order and raises BenchError where what arrived, or came back, is not what the contract says."""
    given, before = order(1), sink.requests()
    status, answer = _posted(server, given)
    if status != 201 or sink.requests() != before + 1:
        raise BenchError(f"{name}: the order was answered {status} and not handed on once:\n{answer}")
    head, body = sink.last()
    for fault in (*faults_of_head(head, server.token), *faults_of_body(body, given), *faults_of_answer(answer)):
        raise BenchError(f"{name}: {fault}")


def faults_of_head(head: str, token: str) -> list[str]:
    lines = head.splitlines()
    faults = []
    if lines[0] != f"POST {VENDOR_TARGET} HTTP/1.1":
        faults.append(f"the vendor was asked: {lines[0]}")
    if token in head:
        faults.append("the service's token reached the vendor")
    if not any(re.fullmatch(f"authorization: *Bearer {VENDOR_KEY}", line, re.IGNORECASE) for line in lines):
        faults.append("the vendor's credential is not there")
    return faults


def faults_of_body(body: str, given: str) -> list[str]:
    sent = exact(body)
    reference = sent.pop("reference", None)
    faults = []
    if not isinstance(reference, str) or not re.fullmatch(PSEUDONYM, reference):
        faults.append("the reference is no pseudonym")
    if sent != exact(json.dumps(expected(given))):
        faults.append(f"the vendor got another order: {body}")
    return faults


def faults_of_answer(answer: str) -> list[str]:
    names = set(exact(answer))
    return [] if names == set(ANSWER) else [f"the shop got {sorted(names)} as the answer"]


def exact(text: str) -> dict[str, Any]:
    """A JSON object with its numbers digit for digit, so that 1 and 1.0 are equal and 0.1 and 0.10000001 are not."""
    document = json.loads(text, parse_float=Decimal)
    if not isinstance(document, dict):
        raise BenchError("not a JSON object where one was expected")
    return document


def _posted(server: Server, body: str) -> tuple[int, str]:
    url = urlsplit(server.url)
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection.request("POST", url.path, body.encode(), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text
