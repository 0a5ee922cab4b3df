"""How many people there are is exact, however often they come."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from gateway.report.people import People


@given(st.lists(st.binary(min_size=20, max_size=20), max_size=400))
def test_everybody_counts_once(toks: list[bytes]) -> None:
    people = People()
    people.add(toks)
    people.add(reversed(toks))

    assert len(people) == len({tok[-8:] for tok in toks})


def test_a_hundred_thousand_people_who_come_ten_times_take_a_few_bytes_each() -> None:
    people = People()
    for _ in range(10):
        people.add((number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(20) for number in range(100_000))

    assert len(people) == 100_000
    assert sum(map(sys.getsizeof, people._apart)) < 2_000_000
