"""JSON that can be read in one way only, for what operators and files of facts say."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn


def read_json(text: str | bytes) -> Any:
    """What a text in JSON (RFC 8259) says. Raises ValueError, without quoting it, for all that is doubtful in one.

    That is what is no JSON or no Unicode, a name that an object has twice, NaN and Infinity, and what is nested deeper
    than the stack.
    """
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("not valid JSON") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has a name twice")
    return members


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
