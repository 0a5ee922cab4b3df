"""Addresses that may leave: our own, over https, with nothing behind them that the contract does not name."""

import re
from collections.abc import Callable

from gateway.contract.form import Link
from gateway.errors import Unfit

# What RFC 3986 lets stand in a path or query, and the braces of vendors that fill in a number of theirs. No sign that
# one reader would take for the end of the host and another would not.
_SIGNS = r"[A-Za-z0-9._~!$&'()*+,;=:@%{}/-]"
_LINK = re.compile(rf"https://([A-Za-z0-9.-]+)(?::443)?((?:/{_SIGNS}*)?)(?:\?((?:{_SIGNS}|\?)*))?", re.IGNORECASE)


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
