"""One step of the demo played: what the shop sent, what the vendor got, what came back, what was written down."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.demo.processes import Json, Stage
from gateway.demo.story import Step
from gateway.rehearse import Http1, parse_http

ANY: Final = "psn_*"
_PSEUDONYM = re.compile(r"psn_[0-9A-Za-z_-]{22,}")
_CARRYING = frozenset({"host", "connection", "content-length", "content-type", "accept", "accept-encoding"})
_OWN = _CARRYING | {"user-agent", "authorization", "x-faultline-auth"}

Leaves = dict[str, str]
"""Place → value as text; elements of lists by their number."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What became of a step."""

    step: Step
    status: int
    headers: Mapping[str, str]
    reply: bytes
    received: list[Json]
    entry: Json | None

    @property
    def problem(self) -> Json:
        """The reply as a problem document; nothing where it is none."""
        if not self.headers.get("content-type", "").startswith("application/problem+json"):
            return {}
        document: Json = json.loads(self.reply)
        return document


def played(stage: Stage, step: Step, seen: int) -> Scene:
    """Plays a step; `seen` is the number of the last call that a vendor got before it."""
    gateway = stage.gateway
    if step.facts:
        gateway.do("facts", list(step.facts))
    if step.says:
        stage.vendors.tell(step.vendor, step.says)
    call = parse_http(step.call)
    method, _, target = call.first.partition(" ")
    headers = [*call.headers, ("gateway-token", gateway.token(step.service))]
    response = gateway.client.request(method, gateway.url + target, headers=headers, content=call.body)
    disclosure = response.headers.get("gateway-disclosure", "")
    entry = gateway.entry_of(disclosure) if disclosure else gateway.last_refusal()
    received = stage.vendors.received(seen)
    return Scene(step, response.status_code, dict(response.headers), response.content, received, entry)


def leaves_of(message: Http1, *, apart: frozenset[str] = frozenset()) -> Leaves:
    """Every value of a message by its place, without the headers set apart."""
    target = message.first.partition(" ")[2]
    leaves = {f"header:{name}": value for name, value in message.headers if name not in apart}
    leaves |= {f"query:{name}": value for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True)}
    body = message.body.decode("utf-8", "replace")
    if body.lstrip().startswith(("{", "[")):
        return leaves | dict(_values("$", json.loads(body, parse_float=str)))
    return leaves | {f"$.{_dotted(name)}": value for name, value in parse_qsl(body, keep_blank_values=True)}


def _values(place: str, document: Any) -> Iterator[tuple[str, str]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _values(f"{place}.{name}", value)
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _values(f"{place}.{number}", value)
    else:
        yield place, document if isinstance(document, str) else json.dumps(document)


def _dotted(name: str) -> str:
    return name.replace("]", "").replace("[", ".")


def sent_of(step: Step) -> Leaves:
    """What the shop's service sends, without what only carries it."""
    return leaves_of(parse_http(step.call), apart=_CARRYING)


def received_of(received: Json) -> Http1:
    """What a vendor got, without what the gateway says by itself."""
    headers = tuple((name, value) for name, value in received["headers"] if name not in _OWN)
    return Http1(f"{received['method']} {received['target']}", headers, received["body"].encode())


def veiled(message: Http1) -> tuple[str, frozenset[tuple[str, str]], str]:
    """A message for comparison: every pseudonym is the same, and JSON has one spelling."""
    body = message.body.decode("utf-8", "replace")
    if body.lstrip().startswith(("{", "[")):
        body = json.dumps(json.loads(body, parse_float=_kept), ensure_ascii=False)
    headers = frozenset((name, _PSEUDONYM.sub(ANY, value)) for name, value in message.headers)
    return _PSEUDONYM.sub(ANY, message.first), headers, _PSEUDONYM.sub(ANY, body)


def _kept(number: str) -> str:
    """A number with a fraction as it was written: 0.50 is not 0.5."""
    return f"number {number}"
