"""Whoever is known passes; of strangers hardly anybody does."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.registry.sieve import Sieve

KEYS = st.tuples(st.sampled_from(["order", "subject", "consent"]), st.text(max_size=20))


@given(st.lists(KEYS), st.lists(KEYS))
def test_what_was_put_in_passes_whenever_it_was(first: list[tuple[str, str]], later: list[tuple[str, str]]) -> None:
    sieve = Sieve(first)
    for key in later:
        sieve.add(key)

    assert all(sieve.may_hold(key) for key in (*first, *later))


def test_hardly_any_stranger_passes() -> None:
    sieve = Sieve(("subject", f"c-{number}") for number in range(50_000))

    passing = sum(sieve.may_hold(("subject", f"d-{number}")) for number in range(10_000))

    assert passing < 100
