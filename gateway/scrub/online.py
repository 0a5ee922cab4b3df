"""What belongs to the network in free text: e-mail and IP addresses, telling URLs, tokens and keys."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

from gateway.scrub.spans import Kind, Span

# How people spell an address so that no machine finds it: `zoe [at] shop (dot) example`, `zoe at shop dot example`.
_SAID_DOT = r"(?: ?[\[({<] ?(?:dot|punto|punkt|ponto|point|\.) ?[\])}>] ?| (?:dot|punto|punkt|ponto) )"
_SAID_LABEL = r"(?!(?:the|a|an|that|this|every|each|which|der|die|das|el|la|un|una)\b)[\w-]{1,63}"
_SAID_DOMAIN = (
    rf"{_SAID_LABEL}(?:(?:\.|{_SAID_DOT}){_SAID_LABEL}){{0,4}}{_SAID_DOT}"
    r"(?:[a-z]{2}|com|net|org|info|biz|edu|gov|name|app|dev|xyz|site|tech|shop|store|mail|online|email|cloud|example)(?:\.[a-z]{2})?(?![\w-])"
)
_AT = re.compile(
    rf"@|%40| ?[\[({{<] ?(?:at|@|arroba|arobase|ät) ?[\])}}>] ?| (?:at|arroba|arobase) (?={_SAID_DOMAIN})",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_][\w-]{0,62}|\[[\w.:]{2,45}\]" rf"|{_SAID_DOMAIN}", re.IGNORECASE
)
_SAID_BEFORE = re.compile(rf"(?<!\w)(?:[\w+-]{{1,40}}{_SAID_DOT}){{1,3}}\Z", re.IGNORECASE)
_LONGEST_SAID = 80
_LOCAL = frozenset("._%+'-!#$&*/=?^`{|}~")
_QUOTES = '"'
_LONGEST_LOCAL = 66  # signs in front of an @, with their quotes
# A link without query, fragment or user names a page, and a page is nobody; possessive, so that no length is slow.
_LINK = re.compile(
    r"(?:(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,20}://|(?<![A-Za-z0-9_/.])www\."
    r"|(?<![A-Za-z0-9_@%/.-])(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?::\d{1,5})?(?=/|\?[\w.-]{1,40}=)"
    r"|(?<![A-Za-z0-9_/.:])//?(?!/))[^\s<>\"']++(?:'\w[^\s<>\"']*+)*"
)
_TELLS = re.compile(r"[?#]\S|://[^/\s]*@")
_TRAILING = ".,;:!?)]}"
_V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
# What is counted like an address, and how far: `section 4.2.1.7`, `§§ 4.2.1.7 and 4.2.1.8`, `firmware v1.0.12.3`.
_COUNTED = re.compile(
    r"(?:\b(?:sections?|sect?|clauses?|chapters?|paragraphs?|para|articles?|art|annex|appendix|tables?|figures?|fig"
    r"|items?|steps?|versions?|vers?|releases?|firmware|revision|rev|rv|abschnitte?s?|kapitel|ziffern?|absatz|punkt)\b\.?"
    r"|§|[第节章条款])[\s:#(]{0,3}(?:no\.?\s?|nr\.?\s?)?v?\Z|(?<![A-Za-z])v\Z",
    re.IGNORECASE,
)
_AS_WELL = re.compile(r"\)?(?:\s?[,;/–-]\s?|,?\s(?:and|or|to|through|und|oder|bis|et|y)\s)")  # noqa: RUF001
_BEFORE = 24  # signs in which such a word stands
_MOST_COUNTED = 99
_V6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,40}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)", re.ASCII)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}+\.[\w-]{5,}+\.[\w-]*+(?:\.[\w-]*+){0,2}", re.ASCII)
_KEY = re.compile(
    r"\b[rsp]k_(?:live|test)_\w{10,}+|\bwhsec_\w{10,}+|\bsk-[\w-]{16,}+|\bA(?:KIA|SIA)[0-9A-Z]{16}\b"
    r"|\bgh[opsur]_\w{30,}+|\bgithub_pat_\w{20,}+|\bglpat-[\w-]{16,}+|\bnpm_\w{30,}+|\bxox[abeprs]-[\w-]{10,}+"
    r"|\bxapp-[\w-]{10,}+|\bAIza[\w-]{30,}+|\bya29\.[\w-]{20,}+|\bSG\.[\w-]{16,}+\.[\w-]{16,}+"
    r"|\bshp(?:at|ca|pa|ss)_\w{20,}+"
    r"|\bpypi-[\w-]{16,}|\bdckr_pat_[\w-]{20,}|\bsq0[a-z]{3}-[\w-]{20,}|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"
    r"|\bhf_\w{20,}+|\bdop_v1_\w{20,}+|\bEAAA[\w-]{20,}+"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\w+/=\s]*+(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?",
    re.ASCII,
)
_NAMED = re.compile(
    r"(?:password|passwd|passphrase|mysql_pwd|secret|(?<![^\W\d_])(?:passwort|kennwort|mot de passe|contraseña|senha"
    r"|wachtwoord|hasło|lösenord)|api[_ -]?key|access[_-]?key|private[_-]?key"
    r"|(?:access|auth|refresh|id|session|csrf)?[_-]?token"
    r"|credentials?|sessionid|session_id|(?<![A-Za-z])sid)"
    r"[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?(?P<value>[^\s\"'<>,;&]{4,}+)"
    # Where no space parts words, only plain signs are one.
    r"|(?:密码|密碼|口令|パスワード|暗証番号|비밀번호)[ \t]{0,3}[:=][ \t]{0,3}[\"']?(?P<said>[!#-%(-+\--:=?-~]{4,}+)"
    r"|(?:bearer|basic)[ \t]{1,3}(?P<other>[\w.+/=~-]{16,}+)",
    re.IGNORECASE,
)


def online(text: str) -> Iterator[Span]:
    """Every address, link, token and key in a folded text; some may overlap."""
    yield from _mails(text)
    yield from _links(text)
    yield from _addresses(text)
    yield from (Span(*match.span(), Kind.JWT) for match in _JWT.finditer(text))
    yield from (Span(*match.span(), Kind.KEY) for match in _KEY.finditer(text))
    for match in _NAMED.finditer(text):
        yield Span(*match.span(match.lastgroup or 0), Kind.KEY)


def _mails(text: str) -> Iterator[Span]:
    """From each @ to the left and to the right: a pattern from the left would try every letter of a long word."""
    done = 0
    for sign in _AT.finditer(text):
        domain = _DOMAIN.match(text, sign.end())
        start = sign.start()
        while start > done and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        if len(sign.group()) > len("%40") and (
            said := _SAID_BEFORE.search(text, max(done, start - _LONGEST_SAID), start)
        ):
            start = said.start()
        if start == sign.start() and text[start - 1 : start] == _QUOTES:
            # A name in quotes may have anything in it (RFC 5321 section 4.1.2).
            opened = text.rfind(_QUOTES, max(done, start - _LONGEST_LOCAL), start - 1)
            start = start if opened < 0 else opened
        done = sign.end()
        while start < sign.start() and text[start] in "'/=?&{|`":
            start += 1
        if domain and start < sign.start():
            yield Span(start, domain.end(), Kind.EMAIL)


def _links(text: str) -> Iterator[Span]:
    for match in _LINK.finditer(text):
        link = match.group().rstrip(_TRAILING)
        if _TELLS.search(link):
            yield Span(match.start(), match.start() + len(link), Kind.URL)


def _addresses(text: str) -> Iterator[Span]:
    counted = 0
    for match in _V4.finditer(text):
        if _is_counted(text, match, counted):
            counted = match.end()
        elif _is_address(match.group()):
            yield Span(*match.span(), Kind.IP)
    for match in _V6.finditer(text):
        found = match.group().rstrip(":") if not match.group().endswith("::") else match.group()
        if any(sign.isdigit() for sign in found) and _is_address(found):
            yield Span(match.start(), match.start() + len(found), Kind.IP)


def _is_counted(text: str, match: re.Match[str], before: int) -> bool:
    """Whether four small numbers stand where sections and versions are counted, or behind others that do."""
    if any(int(number) > _MOST_COUNTED for number in match.group().split(".")):
        return False
    if before and _AS_WELL.fullmatch(text, before, match.start()):
        return True
    return _COUNTED.search(text[max(0, match.start() - _BEFORE) : match.start()]) is not None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
