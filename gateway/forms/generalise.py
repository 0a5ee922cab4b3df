"""Less precise: the year of a date, the network of an address, the family of a browser."""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Decimal

from gateway.body.document import Scalar
from gateway.contract.form import Coarse
from gateway.errors import Unfit

Change = Callable[[Scalar], Scalar]

# Years of living people and of what they do: any four digits could be a number of something else.
_DATE = re.compile(
    r"((?:1[89]|2[01])[0-9]{2})(?:-([0-9]{2})(?:-([0-9]{2}))?|([0-9]{2})([0-9]{2}))?(?:[T ][0-9:.,+Z-]+)?\Z"
)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})\Z"
)
_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?\Z|([0-9.]+):[0-9]{1,5}\Z")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?\Z")
_URL = re.compile(r"(?:(https?:)?//(?:[^/?#]*@)?([^/?#@]+))?(/[^?#]*)?(?:[?#].*)?\Z", re.IGNORECASE)
_NO_URL = re.compile(r"[\x00-\x20\x7f\\]")
# A second reader may decode once more, and find the query there.
_HIDDEN_QUERY = re.compile(r"%(?:25)*(?:3f|23|3b)", re.IGNORECASE)
_MOST_DIGITS = 30
_FARTHEST = 180
_BROWSER = 1_000  # signs of a user agent that are looked at

# The first that fits is the family: most browsers name others too.
_FAMILIES = (
    ("WeChat", r"\b(?:MicroMessenger|WeChat)/"),
    ("Edge", r"\b(?:Edge|Edg|EdgA|EdgiOS)/"),
    ("Opera", r"\b(?:Opera|OPR|OPiOS)/"),
    ("Samsung Internet", r"\b(?:SamsungBrowser|Samsung Internet)/"),
    ("Yandex", r"\b(?:YaBrowser|Yandex)/"),
    ("UC Browser", r"\b(?:UCBrowser|UC Browser)/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:HeadlessChrome|Chromium|Chrome|CriOS)/"),
    ("Safari", r"\bVersion/(?=[0-9.]+ (?:Mobile/\w+ )?Safari/)|^Safari/"),
    ("Internet Explorer", r"\bMSIE |\bTrident/.*\brv:|^Internet Explorer/"),
    ("curl", r"^curl/"),
    ("okhttp", r"\bokhttp/"),
    ("python-requests", r"\bpython-requests/"),
)
_SYSTEMS = (
    ("Windows", r"\bWindows\b"),
    ("iOS", r"\b(?:iPhone|iPad|iPod|iOS)\b"),
    ("Android", r"\bAndroid\b"),
    ("macOS", r"\b(?:Macintosh|macOS)\b"),
    ("ChromeOS", r"\b(?:CrOS|ChromeOS)\b"),
    ("Linux", r"\bLinux\b"),
)
_AGENTS = tuple((family, re.compile(rf"(?:{pattern})([0-9]{{1,4}})(?![0-9])")) for family, pattern in _FAMILIES)
_ON = tuple((system, re.compile(pattern)) for system, pattern in _SYSTEMS)


def generalised(coarse: Coarse) -> Change:
    """What a kind of generalisation leaves of a value. Raises Unfit `field.type` for what is not of the kind.

    Numbers stay numbers and texts texts; a null stays null.
    """
    if coarse.kind == "number":
        return _multiple(coarse.step)
    if coarse.kind == "coordinates":
        return _coordinates
    read = _KINDS[coarse.kind]

    def changed(value: Scalar) -> Scalar:
        if value is None:
            return None
        if not isinstance(value, str):
            raise Unfit("field.type")
        # Full-width digits are digits, and a full-width question mark begins a query.
        return read(unicodedata.normalize("NFKC", value).strip())

    return changed


def _year(text: str) -> str:
    match = _DATE.match(text)
    if match is None:
        raise Unfit("field.type")
    year, *rest = (int(digits) for digits in match.groups() if digits)
    month, day = (*rest, 1, 1)[:2]
    try:
        # What is no day of the calendar is no date, whatever its first four digits are.
        return str(date(year, month, day).year)
    except ValueError:
        raise Unfit("field.type") from None


def _hour(text: str) -> str:
    """The hour in UTC. A time without its offset could be of any zone, so it is none."""
    if not _TIME.match(text):
        raise Unfit("field.type")
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC).isoformat()[:13]}Z"
    except (ValueError, OverflowError):
        raise Unfit("field.type") from None


def _network(text: str) -> str:
    """The /24 or /48 of an address, without port and zone; one that holds an IPv4 address is that one (RFC 4291)."""
    if match := _PORT.match(text):
        text = match[1] or match[2] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise Unfit("field.type") from None
    if isinstance(address, ipaddress.IPv6Address):
        # The /48 of a 6to4 network is the whole IPv4 address of its owner (RFC 3056).
        address = address.ipv4_mapped or address.sixtofour or address
    network = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False)  # noqa: PLR2004
    return str(network.network_address)


def _agent(text: str) -> str:
    """Family, major version and system out of closed lists; an agent that is in none of them is `Other`."""
    text = text[:_BROWSER]
    found = ((family, pattern.search(text)) for family, pattern in _AGENTS)
    agent = next((f"{family}/{match[1]}" for family, match in found if match), "Other")
    system = next((system for system, pattern in _ON if pattern.search(text)), "")
    return f"{agent} ({system})" if system else agent


def _page(text: str) -> str:
    """Scheme, host and path: no user, query, fragment or parameter of a path."""
    match = None if _NO_URL.search(text) else _URL.match(text)
    if match is None or not (match[2] or match[3]):
        raise Unfit("field.type")
    path = _HIDDEN_QUERY.split(match[3] or "", maxsplit=1)[0]
    host = f"{match[1] or ''}//{match[2]}" if match[2] else ""
    return host + re.sub(r";[^/]*", "", path)


def _multiple(step: int) -> Change:
    """The multiple at or below a number."""

    def broken(number: Decimal) -> Decimal:
        if number.adjusted() >= _MOST_DIGITS:
            raise Unfit("field.type")
        return Decimal(f"{int(number.to_integral_value(ROUND_FLOOR)) // step * step}.0")

    return _numeric(lambda number: number // step * step, broken)


def _tenth(number: Decimal) -> Decimal:
    if abs(number) > _FARTHEST:
        raise Unfit("field.type")
    # Adding nothing takes the sign off a zero.
    return number.quantize(Decimal("0.1")) + 0


def _degrees(number: int) -> int:
    if abs(number) > _FARTHEST:
        raise Unfit("field.type")
    return number


def _coordinates(value: Scalar) -> Scalar:
    """One decimal of a number, or of both of `latitude,longitude`."""
    if not isinstance(value, str):
        return _coordinate(value)
    parts = unicodedata.normalize("NFKC", value).split(",")
    if len(parts) > 2:  # noqa: PLR2004  latitude and longitude
        raise Unfit("field.type")
    return ",".join(str(_coordinate(part)) for part in parts)


def _numeric(whole: Callable[[int], int], broken: Callable[[Decimal], Decimal]) -> Change:
    """A change of numbers, of texts that are one too. What is whole stays whole, and what has decimals keeps one."""

    def changed(value: Scalar) -> Scalar:
        match value:
            case None:
                return None
            case bool():
                raise Unfit("field.type")
            case int():
                return whole(value)
            case Decimal():
                return broken(value)
        text = unicodedata.normalize("NFKC", value).strip()
        if not _NUMBER.match(text):
            raise Unfit("field.type")
        return str(broken(Decimal(text)) if "." in text else whole(int(text)))

    return changed


_coordinate = _numeric(_degrees, _tenth)
_KINDS: Mapping[str, Callable[[str], str]] = {
    "date": _year,
    "time": _hour,
    "ip": _network,
    "user_agent": _agent,
    "url": _page,
}
