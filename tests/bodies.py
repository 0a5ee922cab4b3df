"""One operation whose body is of any kind: what leaves of a call, and what comes back of an answer."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

from calls import call
from small_contracts import OPERATION, changed, read_files
from stores_in_memory import Elsewhere

from gateway import frozen
from gateway.assemble import Call, Matched, match, read, write
from gateway.body.document import Document
from gateway.contract.load import ContractSet
from gateway.errors import Finding
from gateway.inforce import InForce, in_force
from gateway.minimise import Minimised, minimise
from gateway.outbound.send import Answer, Sending
from gateway.reply import Returned, returned

_SENDING = OPERATION[OPERATION.index("sending:") : OPERATION.index("answer:")]
_ANSWER = OPERATION[OPERATION.index("answer:") : OPERATION.index("examples:")]
_NAMED = "$.order"


def contract(sending: str, answer: str = "") -> dict[str, str]:
    """The files of a set with one operation, `POST /acme/ship/{parcel}`, whose person is named in `header:order`."""
    parcel = "  groups:\n    - {why: Which parcel it is., fields: {path:parcel: shipment.tracking}}\n"
    body = indent(dedent(sending), "  ").replace("  groups:\n", parcel, 1)
    files = changed("acme/ship.yaml", _SENDING, f"sending:\n{body}")
    files = changed("acme/ship.yaml", _ANSWER, f"answer:\n{indent(dedent(answer), '  ')}" if answer else "", files)
    return changed("acme/ship.yaml", f"{{order: {_NAMED},", "{order: header:order,", files)


def loaded(files: Mapping[str, str]) -> tuple[ContractSet | None, Sequence[Finding]]:
    with tempfile.TemporaryDirectory() as folder:
        return read_files(Path(folder), files)


@dataclass(frozen=True)
class Operation:
    """A loaded operation that can be called."""

    contracts: InForce

    async def read(self, body: bytes, *headers: tuple[str, str]) -> tuple[Matched, Mapping[str, Document], str]:
        made = call("POST", "/acme/ship/P-1", *headers, body=body)
        return await read(made, match(made, self.contracts))

    async def sent(self, body: bytes, *headers: tuple[str, str]) -> tuple[Sending, Minimised]:
        """What leaves, proved, and what became of the rest."""
        return await self._sent(call("POST", "/acme/ship/P-1", *headers, body=body))

    async def sent_from_elsewhere(self, body: bytes, *headers: tuple[str, str]) -> tuple[Sending, Minimised]:
        """The same of a body that is not in memory."""
        return await self._sent(frozen.changed(call("POST", "/acme/ship/P-1", *headers), long=Elsewhere(body)))

    async def _sent(self, made: Call) -> tuple[Sending, Minimised]:
        matched, incoming, media = await read(made, match(made, self.contracts))
        outgoing = minimise(matched.prepared.sending, incoming, secrets=["gtw-token-1"])
        return write(made, matched, incoming, outgoing, media), outgoing

    def back(self, status: int, payload: bytes, *headers: tuple[str, str]) -> Returned:
        [prepared] = self.contracts.prepared.values()
        return returned(Matched(prepared.terms, prepared, "/acme", {}, {}, {}), Answer(status, headers, payload))


def operation(sending: str, answer: str = "") -> Operation:
    """The operation of a contract that has to load."""
    contracts, findings = loaded(contract(sending, answer))
    assert contracts is not None, [str(finding) for finding in findings]
    return Operation(in_force(contracts, secrets=lambda _: "k-acme-93847", vendor_key=lambda _: bytes(32)))


def findings_of(sending: str, answer: str = "") -> list[tuple[str, str, str]]:
    """Level, code and message of everything there is to say about it."""
    _, findings = loaded(contract(sending, answer))
    return [(finding.level, finding.code, finding.message) for finding in findings]
