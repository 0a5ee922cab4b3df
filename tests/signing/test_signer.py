"""A signature is added and nothing else changes; a scheme that does more is found out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from gateway.errors import Refusal
from gateway.frozen import changed
from gateway.outbound.send import Sending
from gateway.signing.signer import Moment, signed, unsigned

MOMENT = Moment(datetime(2026, 11, 22, tzinfo=UTC), "n")
BUILT = Sending("POST", "/a?b=1", (("accept", "*/*"),), b"c=2")


@dataclass(frozen=True)
class Scheme:
    """Does to a sending what a test wants."""

    deed: Callable[[Sending], Sending]
    headers: frozenset[str] = frozenset({"x-sig", "x-time"})
    parameters: tuple[str, ...] = ("sign", "sign_type")

    def sign(self, sending: Sending, authority: str, moment: Moment) -> Sending:
        del authority, moment
        return self.deed(sending)


def with_header(name: str, value: str = "s") -> Callable[[Sending], Sending]:
    return lambda sending: changed(sending, headers=(*sending.headers, (name, value)))


GOOD: dict[str, Callable[[Sending], Sending]] = {
    "a header": with_header("x-sig"),
    "two headers": lambda sending: changed(sending, headers=(*sending.headers, ("x-time", "1"), ("X-Sig", "s"))),
    "a pair in the query": lambda sending: changed(sending, target=f"{sending.target}&sign=s&sign_type=t"),
    "a pair in the form": lambda sending: changed(sending, body=sending.payload + b"&sign=s"),
}
BAD: dict[str, Callable[[Sending], Sending]] = {
    "nothing": lambda sending: sending,
    "another header": with_header("x-more"),
    "one header twice": lambda sending: changed(sending, headers=(*sending.headers, ("x-sig", "1"), ("x-sig", "2"))),
    "a header before the others": lambda sending: changed(sending, headers=(("x-sig", "s"), *sending.headers)),
    "a header taken away": lambda sending: changed(sending, headers=(("x-sig", "s"),)),
    "a header changed": lambda sending: changed(sending, headers=(("accept", "a/b"), ("x-sig", "s"))),
    "another method": lambda sending: changed(with_header("x-sig")(sending), method="PUT"),
    "another path": lambda sending: changed(with_header("x-sig")(sending), target="/z?b=1"),
    "another pair in the query": lambda sending: changed(sending, target=f"{sending.target}&sign=s&name=Zoe"),
    "a pair before the others": lambda sending: changed(sending, target="/a?sign=s&b=1"),
    "one pair twice": lambda sending: changed(sending, body=sending.payload + b"&sign=1&sign=2"),
    "a longer value": lambda sending: changed(sending, body=sending.payload + b"3&sign=s"),
    "another body": lambda sending: changed(with_header("x-sig")(sending), body=b"c=3"),
    "a longer body": lambda sending: changed(with_header("x-sig")(sending), body=b"c=2\n"),
    "an empty body": lambda sending: changed(with_header("x-sig")(sending), body=b""),
}


@pytest.mark.parametrize("deed", GOOD.values(), ids=GOOD)
def test_a_signature_is_added_to_what_was_built(deed: Callable[[Sending], Sending]) -> None:
    left = signed(Scheme(deed), BUILT, "host", MOMENT)

    assert left == deed(BUILT)
    assert unsigned(Scheme(deed), left) == BUILT


@pytest.mark.parametrize("deed", BAD.values(), ids=BAD)
def test_a_scheme_that_does_anything_else_sends_nothing(deed: Callable[[Sending], Sending]) -> None:
    with pytest.raises(Refusal) as refused:
        signed(Scheme(deed), BUILT, "host", MOMENT)

    assert refused.value.code == "proof.failed"


def test_a_header_of_the_signature_that_is_there_already_sends_nothing() -> None:
    built = changed(BUILT, headers=(("X-Sig", "of somebody else"),))

    with pytest.raises(Refusal) as refused:
        signed(Scheme(with_header("x-sig")), built, "host", MOMENT)

    assert refused.value.code == "proof.failed"


@pytest.mark.parametrize(
    ("target", "left"), [("/a?sign=s", "/a"), ("/a?sign=s&sign_type=t", "/a"), ("/a?resign=1", "/a?resign=1")]
)
def test_a_query_that_is_all_signature_was_none(target: str, left: str) -> None:
    assert unsigned(Scheme(with_header("x")), changed(BUILT, target=target)).target == left
