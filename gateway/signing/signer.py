"""The last step before sending: a signature is added, and nothing else changes."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.errors import refuse
from gateway.frozen import changed
from gateway.outbound.send import Sending


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is signed, and a text that was never used before."""

    now: datetime
    nonce: str


class Signer(Protocol):
    """A scheme with its key. A signature stands in headers, or in pairs behind the others of a query or form."""

    @property
    def headers(self) -> frozenset[str]:
        """The headers that it adds, in lower case. Nobody else may set them."""
        ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that it adds, in their order; the first is always among them."""
        ...

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        """The sending with its signature. `authority` is what the Host header will say.

        Raises Refusal `signature.failed` for what the scheme has no signature for.
        """
        ...


def signed(signer: Signer, sending: Sending, authority: str, moment: Moment) -> Sending:
    """What leaves: byte for byte the sending, and its signature.

    Raises Refusal `signature.failed`, or `proof.failed` where anything else is other than it was.
    """
    left = signer.sign(sending, authority, moment)
    if left == sending or not _only_adds(signer, sending, left):
        raise refuse("proof.failed", "what was signed is not what was built")
    return left


def unsigned(signer: Signer, sent: Sending) -> Sending:
    """What was signed, of what was sent."""
    headers = tuple(pair for pair in sent.headers if pair[0].lower() not in signer.headers)
    if not signer.parameters:
        return changed(sent, headers=headers)
    first, *rest = map(re.escape, signer.parameters)
    pairs = rf"(?:\A|[?&]){first}=[^&]*(?:&(?:{'|'.join(rest) or first})=[^&]*)*\Z"
    payload = re.sub(pairs.encode(), b"", sent.payload)
    return changed(sent, target=re.sub(pairs, "", sent.target), headers=headers, body=payload)


def _only_adds(signer: Signer, built: Sending, left: Sending) -> bool:
    """Whether all of what was built is there as it was, with nothing behind it but what the scheme may add."""
    own = len(built.headers)
    taken = {name.lower() for name, _ in built.headers}
    added = [name.lower() for name, _ in left.headers[own:]]
    return (
        left.method == built.method
        and left.headers[:own] == built.headers
        and not taken & signer.headers
        and len(set(added)) == len(added)
        and signer.headers.issuperset(added)
        and _only_pairs(built.target, left.target, "&" if "?" in built.target else "?", signer.parameters)
        and _only_pairs(
            built.payload.decode("latin-1"),
            left.payload.decode("latin-1"),
            "&" if built.payload else "",
            signer.parameters,
        )
    )


def _only_pairs(built: str, left: str, joint: str, names: Collection[str]) -> bool:
    if left == built:
        return True
    if not left.startswith(built + joint):
        return False
    added = [pair.partition("=")[0] for pair in left[len(built + joint) :].split("&")]
    return len(set(added)) == len(added) and set(added) <= set(names)
