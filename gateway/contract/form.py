"""How a form is written in a contract: its name, and its argument where it takes one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.vocabulary import Category

Scalar = str | int | bool | None
LONGEST = 100_000
MOST_IN_CLEAR = 64
REVERSIBLE, TOKEN = "reversible", "token"
WIDEST_STEP = 10**12
KINDS = frozenset({"date", "time", "ip", "coordinates", "user_agent", "url"})
_HOST = re.compile(r"(?=.{4,253}\Z)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+\Z")
_SECRET = re.compile(r"\$[A-Z][A-Z0-9_]*\Z")
_NAME = re.compile(r"[A-Za-z0-9._~!$'()*+,;:@%-]+\Z")


@dataclass(frozen=True, slots=True)
class Mask:
    """How many signs stay in clear at either end."""

    keep_first: int = 0
    keep_last: int = 0


@dataclass(frozen=True, slots=True)
class Coarse:
    """Into what a value is generalised; `step` is that of numbers."""

    kind: str
    step: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.step}" if self.step else self.kind


@dataclass(frozen=True, slots=True)
class Table:
    """Which text stands for which, and what stands for any other; without `otherwise` no other may come."""

    entries: tuple[tuple[str, str], ...]
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The hosts of ours to which an address may lead, and the query parameters that stay in it."""

    hosts: tuple[str, ...]
    query: tuple[str, ...] = ()


Argument = Scalar | Mask | Coarse | Table | Link


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a contract names it. `value` is the constant, the length or what else it takes."""

    name: str
    value: Argument = None

    def __str__(self) -> str:
        return self.name


def is_reversible(form: Form) -> bool:
    """Whether a form is `{pseudonymise: reversible}`."""
    return form.name == "pseudonymise" and form.value == REVERSIBLE


def reversible_length(count: int) -> int:
    """How many characters the reversible pseudonym of so many bytes has: `psn_`, and base64 of 16 more (RFC 5297)."""
    return 4 + -(-(16 + count) * 4 // 3)


def is_token(form: Form) -> bool:
    """Whether a form is `{pseudonymise: token}`."""
    return form.name == "pseudonymise" and form.value == TOKEN


def may_leave_address(form: Form) -> bool:
    """Whether a form leaves of an address so much that somebody could go there, and not just what a contract says."""
    if isinstance(form.value, Coarse):
        return form.value.kind == "url"
    return form.name == "truncate" or isinstance(form.value, Mask)


def parse_form(value: object) -> Form:
    """The form that a contract writes, `mask` or `{truncate: 35}`. Raises ValueError for what does not exist."""
    if isinstance(value, Form):
        return value
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, Mapping) and len(value) == 1:
        [(name, argument)] = value.items()
        return _with_argument(str(name), argument)
    raise ValueError("write a form's name, or one `{name: argument}`")


def _plain(name: str) -> Form:
    if name in _ARGUMENTS and name not in PLAIN:
        raise ValueError(f"`{name}` needs an argument: {{{name}: …}}")
    if name not in PLAIN:
        raise ValueError(f"there is no form `{name}`; there are {', '.join(sorted(PLAIN | _ARGUMENTS.keys()))}")
    return Form(name)


def _with_argument(name: str, argument: object) -> Form:
    if (read := _ARGUMENTS.get(name)) is None:
        raise ValueError(f"`{name}` is no form with an argument; those are {', '.join(sorted(_ARGUMENTS))}")
    return Form(name, read(argument))


def _constant(argument: object) -> Scalar:
    if isinstance(argument, str | int):
        return argument
    raise ValueError("`replace` takes a text, a whole number, true or false")


def _length(argument: object) -> int:
    if isinstance(argument, int) and not isinstance(argument, bool) and 0 < argument <= LONGEST:
        return argument
    raise ValueError("`truncate` and `scrub` take a number of characters")


def _mask(argument: object) -> Mask:
    if isinstance(argument, Mapping) and argument and set(argument) <= {"keep_first", "keep_last"}:
        kept = [argument.get("keep_first", 0), argument.get("keep_last", 0)]
        if all(
            isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MOST_IN_CLEAR for count in kept
        ):
            return Mask(*kept)
    raise ValueError("write {mask: {keep_first: 2, keep_last: 4}}")


def _coarse(argument: object) -> Coarse:
    if isinstance(argument, str) and argument in KINDS:
        return Coarse(argument)
    if isinstance(argument, Mapping) and list(argument) == ["number"]:
        step = argument["number"]
        if isinstance(step, int) and not isinstance(step, bool) and 1 < step <= WIDEST_STEP:
            return Coarse("number", step)
    raise ValueError(f"`generalise` takes {', '.join(sorted(KINDS))} or {{number: 100}}")


def _table(argument: object) -> Table:
    if isinstance(argument, Mapping) and set(argument) <= {"table", "otherwise"}:
        table, otherwise = argument.get("table"), argument.get("otherwise")
        table = table if isinstance(table, Mapping) and 0 < len(table) <= LONGEST else {}
        known = all(isinstance(text, str | int) for text in (*table.keys(), *table.values()))
        if table and known and isinstance(otherwise, str | int | None):
            entries = tuple((_text(key), _text(value)) for key, value in table.items())
            return Table(entries, None if otherwise is None else _text(otherwise))
    raise ValueError("write {map: {table: {EXP: X1}, otherwise: X0}}; without `otherwise` another value is refused")


def _text(value: str | int) -> str:
    """What a contract writes as a number or a truth value stands for the text that a call would show."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reversible(argument: object) -> str:
    if isinstance(argument, str) and argument in (REVERSIBLE, TOKEN):
        return argument
    raise ValueError("write `pseudonymise`, {pseudonymise: reversible} or {pseudonymise: token}")


def _key(argument: object) -> str:
    if isinstance(argument, str) and _SECRET.match(argument):
        return argument
    raise ValueError("write {encrypt: $NAME}, the name of the vendor's public key in capitals")


def _link(argument: object) -> Link:
    if isinstance(argument, Mapping) and set(argument) <= {"hosts", "query"}:
        hosts, query = argument.get("hosts"), argument.get("query", [])
        named = isinstance(hosts, list) and hosts and all(isinstance(each, str) and _HOST.match(each) for each in hosts)
        if named and isinstance(query, list) and all(isinstance(each, str) and _NAME.match(each) for each in query):
            return Link(tuple(map(str, hosts or ())), tuple(query))
    raise ValueError("write {link: {hosts: [shop.example], query: [order]}}, hosts in small letters, without a port")


PLAIN = frozenset({"as_is", "mask", "pseudonymise", "relink", "restore", "scrub", "drop", "refuse"})
_ARGUMENTS: Mapping[str, Callable[[object], Argument]] = {
    "replace": _constant,
    "truncate": _length,
    "mask": _mask,
    "generalise": _coarse,
    "map": _table,
    "scrub": _length,
    "link": _link,
    "pseudonymise": _reversible,
    "encrypt": _key,
}
WITH_ARGUMENT = frozenset(_ARGUMENTS)

# Values that are not of their kind do not fit these, and then do not leave.
CAN_FAIL = frozenset({"generalise", "map", "link", "relink", "restore"})
ONLY_IN_ANSWERS = frozenset({"relink", "restore"})
NEVER_IN_ANSWERS = frozenset({"encrypt"})
OVER_CONTAINERS = frozenset({"drop", "refuse"})
LEADS_BACK = frozenset({"link", "relink", "replace"})
"""Forms in which an address is one of ours, or the one that the contract itself says."""

# The categories that have a convention for `mask` alone; for any other a contract says how much stays in clear.
MASKED_BY_CONVENTION = frozenset(
    {
        Category.PAYMENT_PAN,
        Category.PAYMENT_BANK_ACCOUNT,
        Category.CONTACT_PHONE,
        Category.CONTACT_EMAIL,
        Category.PERSON_NAME,
        Category.ADDRESS_FULL,
        Category.ADDRESS_STREET,
        Category.ADDRESS_UNIT,
        Category.ADDRESS_POSTAL_CODE,
    }
)

# Of these only one generalisation is less precise; any other could leave the whole value where it happens to fit.
GENERALISED_AS: Mapping[Category, str] = {
    Category.TECH_IP: "ip",
    Category.TECH_USER_AGENT: "user_agent",
    Category.GEO_PRECISE: "coordinates",
}
