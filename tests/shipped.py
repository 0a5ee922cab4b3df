"""A shop that uses a contract of the repository: a real gateway, and a recording vendor where the vendor's host was."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from running import Running, running
from sockets import Reply
from vendors import Received, Vendor, answers

from gateway.contract.load import ContractSet, load

CONTRACTS = Path(__file__).parents[1] / "contracts"
ORDER = "10045"
SERVICE = "fulfilment"
PSEUDONYM = re.compile(rb"psn_[0-9A-Za-z_-]{22,}")

ACCESS_TOKEN = "token-of-the-vendor"
_HOST = re.compile(r"^hosts: \{(\S+): https://[^}]*\}$", re.MULTILINE)
_SIGN_IN = re.compile(r"^  url: https://[^/\s]+(/\S*/token)$", re.MULTILINE)


SIGNED_IN = answers(
    200,
    b'{"access_token":"%s","token_type":"Bearer","expires_in":3600}' % ACCESS_TOKEN.encode(),
    "content-type: application/json",
)


@dataclass(frozen=True)
class Shipped:
    """What a test may do: call one vendor through the gateway, say what it answers, and see what arrived."""

    running: Running
    name: str

    @property
    def vendor(self) -> Vendor:
        return self.running.parcels

    @property
    def url(self) -> str:
        """Where a service of the shop finds the vendor."""
        return f"http://127.0.0.1:{self.running.ports[0]}/{self.name}"

    @property
    def received(self) -> list[Received]:
        return self.vendor.received

    def token(self, service: str = SERVICE) -> str:
        return self.running.token(service)

    def says(self, document: object, *fields: str, status: int = 200) -> None:
        """What the vendor answers from now on: a document as JSON."""
        self.says_raw(json.dumps(document).encode(), "content-type: application/json", *fields, status=status)

    def says_raw(self, payload: bytes, *fields: str, status: int = 200) -> None:
        answer = answers(status, payload, *fields)

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self.received[-1].line.startswith("POST /") or "/token " not in self.received[-1].line:
                await answer(reader, writer)
                return
            # What the gateway asks in its own name is no call of the shop.
            self.received.pop()
            await SIGNED_IN(reader, writer)

        self.vendor.script = script

    def replay(self, recorded: bytes, *, placed: Mapping[bytes, bytes]) -> Reply:
        """The reply to a request as an SDK once put it on a socket, with some of its bytes replaced by others."""
        for old, new in placed.items():
            assert old in recorded, old
            recorded = recorded.replace(old, new)
        head, _, payload = recorded.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length:", b"host:"))]
        lines += [b"Host: gateway.test", *([b"Content-Length: %d" % len(payload)] if payload else [])]
        return self.running.said(b"\r\n".join(lines) + b"\r\n\r\n" + payload)

    def arrived(self) -> tuple[str, bytes]:
        """The one call that the vendor got: its request line, and its body with every pseudonym alike."""
        [received] = self.received
        return received.line, PSEUDONYM.sub(b"psn_*", received.payload)

    def document(self) -> Any:
        """The JSON of the one call that the vendor got, with every pseudonym alike."""
        return json.loads(self.arrived()[1])


def order(number: str = ORDER, *roles: str, subject: str = "88", jurisdiction: str = "DE") -> dict[str, Any]:
    """A fact: an order of one person, who has these roles in it."""
    people = [{"role": role, "subject": subject, "jurisdiction": jurisdiction} for role in roles]
    return {"kind": "order", "order": number, "people": people}


@cache
def repository() -> ContractSet:
    """The contracts of the repository, read once: there are many."""
    return load(CONTRACTS)


@contextmanager
def shipped(
    folder: Path, name: str, *, secrets: Mapping[str, str], facts: Sequence[Mapping[str, Any]], **settings: Any
) -> Iterator[Shipped]:
    """The shop with its gateway, until the block ends; of the vendors only this one is there."""
    (folder / "secrets").mkdir()
    for secret, value in secrets.items():
        (folder / "secrets" / secret).write_text(value)
    with running(folder, files=_files(name), facts=facts, **settings) as gateway:
        yield Shipped(gateway, name)


def _files(name: str) -> dict[str, str]:
    names = ["policy.yaml", "entities.yaml", *(f"{name}/{file.name}" for file in (CONTRACTS / name).glob("*.yaml"))]
    files = {each: (CONTRACTS / each).read_text("utf-8") for each in names}
    here = r'hosts: {\1: "https://api.parcels.test:@parcels@"}' "\nnetworks: [127.0.0.0/8]"
    vendor, count = _HOST.subn(here, files[f"{name}/vendor.yaml"])
    assert count == 1
    return files | {f"{name}/vendor.yaml": _SIGN_IN.sub(r'  url: "https://api.parcels.test:@parcels@\1"', vendor)}
