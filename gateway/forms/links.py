"""Addresses that may leave: of hosts that a contract lists, and in `link` with nothing behind them that it does not."""

import re
from collections.abc import Callable, Collection

from gateway.contract.form import Link
from gateway.errors import Unfit

# What RFC 3986 lets stand in a path or query, and the braces of vendors that fill in a number of theirs. No sign that
# one reader would take for the end of the host and another would not.
_SIGNS = r"[A-Za-z0-9._~!$&'()*+,;=:@%{}/-]"
_LINK = re.compile(rf"https://([A-Za-z0-9.-]+)(?::443)?((?:/{_SIGNS}*)?)(?:\?((?:{_SIGNS}|\?)*))?", re.IGNORECASE)

# Whatever a reader may take for the beginning of an address: those of the web are read so with fewer or more slashes,
# with slashes the other way round, and with tabs and line ends inside (WHATWG URL, section 4.4).
_BEGINS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,40}:){1,3}//[^/\\\s]|(?:https?|wss?|ftp):[/\\]*[^/\\\s]"
    r"|[/\\]{2,}[^/\\\s:?#]+(?:[/\\:?#]|\Z)",
    re.IGNORECASE,
)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2060\ufeff]")
# Behind a listed host there is nothing that begins another address, or that some reader takes for the end of this one.
_PLAIN = re.compile(
    r"((?:[a-z][a-z0-9+.-]*:)?)//([a-z0-9.-]+(?::[0-9]{1,5})?)((?:/[^?#\s\\]*)?)(?:[?#][^\s\\]*)?", re.IGNORECASE
)


def may_lead(text: str) -> bool:
    """Whether a text has a sign that every address has: a quick question, to which most texts say no."""
    return ":" in text or "//" in text or "\\" in text


def leads_elsewhere(text: str, urls: Collection[str]) -> bool:
    """Whether a text begins with an address, absolute or without its scheme, of which `urls` say nothing.

    `urls` are origins, `https://shop.example`, or whole texts that a contract gives itself. Of a text that begins with
    a listed one every other word that is an address has to be listed too.
    """
    if text in urls:
        return False
    plain = _UNSEEN.sub("", text)
    addresses = [word for word in plain.split() if _BEGINS.match(word)]
    if not addresses or not plain.lstrip().startswith(addresses[0]):
        return False
    return plain != text or not all(_is_listed(address, urls) for address in addresses)


def _is_listed(address: str, urls: Collection[str]) -> bool:
    match = _PLAIN.fullmatch(address)
    if match is None or "://" in match[3]:
        return False
    return f"{match[1] or 'https:'}//{match[2]}".lower().removesuffix(":443") in urls


def linked(link: Link) -> Callable[[str], str]:
    """An address of one of the hosts, with the parameters listed, byte for byte; others stay here.

    The change raises Unfit `field.link` for any other address: of another host, scheme, port, with a user or fragment.
    """
    hosts, names = frozenset(link.hosts), frozenset(link.query)

    def changed(text: str) -> str:
        match = _LINK.fullmatch(text)
        if match is None or match[1].lower() not in hosts:
            raise Unfit("field.link", refuses=True)
        pairs = [pair for pair in (match[3] or "").split("&") if pair.partition("=")[0] in names]
        return f"https://{match[1].lower()}{match[2]}" + (f"?{'&'.join(pairs)}" if pairs else "")

    return changed
