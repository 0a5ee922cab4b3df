"""What could be read in two ways is not read."""

import pytest

from gateway.strict_json import read_json

DOUBTFUL = {
    "a name twice": (b'{"state": "withdrawn", "state": "given"}', "an object has a name twice"),
    "a name twice inside": (b'[{"a": {"b": 1, "b": 1}}]', "an object has a name twice"),
    "no number": (b'{"a": NaN}', "NaN and Infinity are not JSON"),
    "beyond all numbers": (b"[-Infinity]", "NaN and Infinity are not JSON"),
    "deeper than the stack": (b"[" * 100_000, "not valid JSON"),
    "cut short": (b'{"a": "Rosalind', "not valid JSON"),
    "more behind it": (b"{} {}", "not valid JSON"),
    "nothing": (b"", "not valid JSON"),
    "another encoding": ('{"a": "é"}'.encode("latin-1"), "not UTF-8"),
}


@pytest.mark.parametrize(("text", "why"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_doubtful_is_refused_without_being_quoted(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        read_json(text)


def test_everything_else_is_read() -> None:
    assert read_json('{"a": [1, 0.5, true, null, "é"], "b": {"a": 1}}') == {
        "a": [1, 0.5, True, None, "é"],
        "b": {"a": 1},
    }
