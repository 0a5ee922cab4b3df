"""The addon that makes mitmproxy minimise; it is loaded by mitmdump, in a virtual environment of its own."""

from collections.abc import MutableMapping
from typing import Protocol

from bench.minimal import TARGET, VENDOR_KEY, VENDOR_TARGET, UnfitBody, minimised_answer, minimised_order

_NEEDED = ("host", "content-length")


class Message(Protocol):
    """What the addon touches of a request or an answer."""

    content: bytes | None
    headers: MutableMapping[str, str]


class Call(Message, Protocol):
    """What the addon touches of a request alone."""

    path: str


class Flow(Protocol):
    """What the addon touches of a flow. A protocol of our own: mitmproxy is not installed where this is checked."""

    @property
    def request(self) -> Call: ...
    @property
    def response(self) -> Message: ...
    def kill(self) -> None: ...


def request(flow: Flow) -> None:
    """Replaces target, headers and body by what the vendor may get; what cannot be minimised is cut off."""
    call = flow.request
    if call.path != TARGET:
        flow.kill()
        return
    try:
        call.content = minimised_order(call.content or b"")
    except UnfitBody:
        flow.kill()
        return
    for name in [name for name in call.headers if name.lower() not in _NEEDED]:
        del call.headers[name]
    call.headers["content-type"] = "application/json"
    call.headers["authorization"] = f"Bearer {VENDOR_KEY}"
    call.path = VENDOR_TARGET


def response(flow: Flow) -> None:
    """Replaces the answer by what the shop may get."""
    try:
        flow.response.content = minimised_answer(flow.response.content or b"")
    except UnfitBody:
        flow.kill()
