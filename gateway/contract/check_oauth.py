"""What is wrong with the way in which a vendor's file says that we sign in."""

import re
from urllib.parse import urlsplit

from gateway.contract.compile import Source
from gateway.contract.model import ACCESS_TOKEN, Vendor

_PLAIN = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_KINDS = ("header:", "query:")


def check_oauth(vendor: Vendor, source: Source) -> None:
    """Into the source: a token that nobody fetches, one in a place that is written before, and a wrong address."""
    placed = [place for place, text in vendor.credential.items() if ACCESS_TOKEN in text]
    for place in placed:
        if vendor.oauth is None:
            source.find("contract.secret", ("credential", place), "nobody fetches this token", "say how under `oauth`")
        if not place.startswith(_KINDS):
            message = "an access token stands in a header or in the query"
            source.find("contract.secret", ("credential", place), message, "write header:Authorization")
    if vendor.oauth is None:
        return
    if not placed:
        source.find("contract.value", ("oauth",), f"no credential has {ACCESS_TOKEN} in it", "put it into `credential`")
    if not _is_plain(vendor.oauth.url):
        source.find("contract.hosts", ("oauth", "url"), "not a plain https address", "write https://HOST/oauth/token")


def _is_plain(url: str) -> bool:
    """Whether it is an https address of host and path alone."""
    try:
        parts = urlsplit(url)
        is_host = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_host and not (parts.username or parts.query or parts.fragment) and bool(_PLAIN.fullmatch(parts.path))
