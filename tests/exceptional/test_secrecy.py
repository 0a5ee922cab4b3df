"""What was written about a case opens with its key, at its place, unaltered."""

import pytest
from cryptography.exceptions import InvalidTag

from gateway.exceptional.secrecy import opened, sealed

KEY = bytes(range(32))


def test_it_opens_at_its_place_with_its_key_and_nowhere_else() -> None:
    text = sealed(KEY, "case|0", {"why": "Größe"})

    assert opened(KEY, "case|0", text) == {"why": "Größe"}
    for key, place, kept in ((KEY, "case|1", text), (bytes(32), "case|0", text), (KEY, "case|0", f"AAAA{text[4:]}")):
        with pytest.raises(InvalidTag):
            opened(key, place, kept)


def test_nobody_sees_that_two_say_the_same() -> None:
    assert sealed(KEY, "a", 1) != sealed(KEY, "a", 1)
