"""Which contract a call falls under: host, method, path segment by segment, and pins."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from urllib.parse import urlencode

from gateway.contract.terms import Segment, Terms, Variable
from gateway.errors import refuse
from gateway.paths import Place

KINDS: Mapping[str, re.Pattern[str]] = {
    "token": re.compile(r"[A-Za-z0-9._~-]{1,255}\Z"),
    "digits": re.compile(r"[0-9]{1,64}\Z"),
    "hex": re.compile(r"[0-9a-fA-F]{1,128}\Z"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"),
}
_SAMPLES: Mapping[str, str] = {"digits": "0", "hex": "0", "uuid": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "token": "0"}
_ROUTED = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*\Z")


def overlap(one: Terms, other: Terms) -> bool:
    """Whether some call could fall under both."""
    if one.method != other.method or len(one.segments) != len(other.segments):
        return False
    if any(one.pins[place] != other.pins[place] for place in one.pins.keys() & other.pins.keys()):
        return False
    return all(_meet(*pair) for pair in zip(one.segments, other.segments, strict=True))


def _meet(one: Segment, other: Segment) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if isinstance(one, Variable) and isinstance(other, Variable):
        return any(KINDS[a].match(_SAMPLES[b]) for a, b in product((one.kind,), (other.kind,))) or any(
            KINDS[b].match(_SAMPLES[a]) for a, b in product((one.kind,), (other.kind,))
        )
    literal, variable = (one, other) if isinstance(one, str) else (other, one)
    return isinstance(variable, Variable) and bool(KINDS[variable.kind].match(str(literal)))


def opening(terms: Terms) -> str:
    """Request line and headers of a call that falls under a contract, as far as they decide that."""
    path = "/".join(part if isinstance(part, str) else _sample(part) for part in terms.segments)
    # A pin holds one text, so its place is that of one value.
    pins = [(place.kind, *map(str, place.path), text) for place, text in terms.pins.items()]
    pairs = {
        name + "".join(f"[{step}]" for step in steps): text for kind, name, *steps, text in pins if kind == "query"
    }
    headers = "".join(f"\n{name}: {text}" for kind, name, *_, text in pins if kind == "header")
    return f"{terms.method} /{path}{'?' if pairs else ''}{urlencode(pairs)}{headers}"


def _sample(variable: Variable) -> str:
    return variable.name if variable.kind == "token" else _SAMPLES[variable.kind]


class Routes:
    """The contracts of a set, ready to be found by a call."""

    def __init__(self, terms: Iterable[Terms]) -> None:
        self._hosts: dict[str, dict[tuple[str, int], list[Terms]]] = {}
        self._vendors: dict[str, str] = {}
        for each in terms:
            shapes = self._hosts.setdefault(each.host.name, {})
            if not each.is_direct:
                shapes.setdefault((each.method, len(each.segments)), []).append(each)
            self._vendors[each.host.name] = each.vendor.vendor

    def named(self, raw_path: str, hosts: Mapping[str, str]) -> tuple[str, str]:
        """Host name and vendor path of a path with the host's name in front.

        `hosts` maps every host name that exists to its vendor. Raises Refusal for a path that could be read in two
        ways (escapes, dot segments, empty segments) and for an unknown vendor.
        """
        if not _ROUTED.match(raw_path) or "//" in raw_path:
            raise refuse("operation.unknown", "the path holds signs that could be read in two ways")
        segments = raw_path.split("/")
        if "." in segments or ".." in segments:
            raise refuse("operation.unknown", "the path holds dot segments")
        name = segments[1]
        if name not in hosts:
            raise refuse("vendor.unknown", "the first path segment names no vendor")
        return name, raw_path[len(name) + 1 :] or "/"

    def candidates(self, host: str, method: str, path: str) -> list[tuple[Terms, dict[str, str]]]:
        """The contracts whose method and path fit, each with its path variables. More than one differ by pins."""
        segments = path[1:].split("/")
        shapes = self._hosts.get(host)
        if shapes is None:
            raise refuse("contract.none", f"{host} has no operation")
        fits = ((terms, fit(terms.segments, segments)) for terms in shapes.get((method, len(segments)), ()))
        return [(terms, variables) for terms, variables in fits if variables is not None]


def fit(pattern: Sequence[Segment], segments: Sequence[str]) -> dict[str, str] | None:
    """The variables of a path that fits a pattern, or None."""
    variables: dict[str, str] = {}
    for part, segment in zip(pattern, segments, strict=True):
        if isinstance(part, str):
            if part != segment:
                return None
        elif KINDS[part.kind].match(segment):
            variables[part.name] = segment
        else:
            return None
    return variables


def pinned(pins: Mapping[Place, str], values: Mapping[Place, Sequence[object]]) -> bool:
    """Whether each pinned place holds exactly its text, once. SOAP clients put a header's text in quotes, or not."""
    return all(list(values.get(place, ())) in _spellings(place, text) for place, text in pins.items())


def _spellings(place: Place, text: str) -> list[list[object]]:
    return [[text], [f'"{text}"']] if place.kind == "header" else [[text]]
