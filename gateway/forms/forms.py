"""The forms in which a value may leave: what is hidden, by which convention, and with whose key."""

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from gateway.body.document import Octets, Scalar, as_text
from gateway.contract.form import TOKEN, Coarse, Form, Link, Mask, Table, is_reversible, is_token
from gateway.errors import Unfit
from gateway.forms.generalise import generalised
from gateway.forms.links import leads_elsewhere, linked
from gateway.forms.relinks import Way, relinked
from gateway.forms.reversible import restored, reversible
from gateway.forms.tokens import Lookup, tokenised
from gateway.jwe import PublicKey, Sealed, encrypted
from gateway.scrub import Known, scrub
from gateway.vocabulary import Category, SubjectRole

Change = Callable[[Scalar], Scalar]

# Calling codes are prefix-free (ITU-T E.164): 1 and 7 stand alone, these have two digits, all others three.
# fmt: off
_TWO_DIGITS = frozenset({
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
    "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66",
    "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
})
# A domain of one person or one company identifies; one of millions does not.
_PUBLIC_MAIL = frozenset({
    "163.com", "126.com", "aol.com", "daum.net", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com",
    "icloud.com", "laposte.net", "libero.it", "live.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr",
    "outlook.com", "proton.me", "protonmail.com", "qq.com", "sina.com", "t-online.de", "web.de", "yahoo.co.jp",
    "yahoo.com", "yandex.ru",
})
# fmt: on
_HIDDEN_DIGITS = 6
_SHOWN_DIGITS = 4
_UNIT = re.compile(
    r"\b(?:apt|apartment|unit|suite|ste|room|rm|flat|floor|fl|zimmer|whg|wohnung|app|bât|étage"
    r"|apto|piso|planta|puerta|escalera|interno|scala|lokal)\b\.?\s*#?\s*[\w*/-]+"
    r"|#\s*[\w/-]+|\b\d{1,3}[oa]\s+[a-z]{1,3}\b"
    r"|\d[\d-]*\s*(?:号楼|号院|号房|号|號|单元|單元|室|层|樓|楼|丁目|番地|番|호|동|층|번지)",
    re.IGNORECASE,
)
# Areas of at most 20,000 people by the census of 2000 (45 CFR 164.514(b)(2)(i)(B), guidance of 2012).
_SPARSE_ZIP = re.compile(
    r"(?:036|059|063|102|203|556|692|790|821|823|83[01]|87[89]|884|89[03])([0-9]{2}(?:-?[0-9]{4})?)\Z"
)
_LONGEST_STREET = 500
_NUMBER = r"\d+\s?(?:[a-z]|bis|ter|quater)?(?:\s?[/-]\s?\w{1,4}\b)*"
# At the end a number may stand behind a point, a word or a sign of East Asia with no space between.
_BEFORE_LAST = r"(?:\s+|(?<=[.\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])|(?<=[^\W\d_]{4}))"
_HOUSE = re.compile(
    rf"^\s*{_NUMBER}\s*$|^\s*{_NUMBER}\s+(?=\D)|{_BEFORE_LAST}{_NUMBER}\.?\s*$"
    # Between words only an ordinal is part of a name: 5th, 17. Juni.
    r"|\d+(?:-\d+)+|(?<!\w)(?!\d+(?:st|nd|rd|th|er|e)\b|\d+\.\s*[^\W\d_])\d[\w/-]*",
    re.IGNORECASE,
)
_LINES = re.compile(r"[,;()\r\n\u2028\u2029\u3001]")
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Situation:
    """What some forms have to know of the one call that they are in.

    `way` is how its caller reached the vendor, `known` the names and addresses that it gives somewhere, `lookup` where
    the vendor's tokens are, `sealed` what an earlier attempt at the call encrypted.
    """

    way: Way | None = None
    known: tuple[Known, ...] = ()
    lookup: Lookup | None = None
    sealed: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """What a form has to know of its rule: the key is the vendor's own, `markets` are those of the policy.

    `urls` are the origins to which an address may lead that leaves; without them any.
    """

    form: Form
    category: Category
    key: bytes
    markets: tuple[str, ...] = ()
    roles: tuple[SubjectRole, ...] = ()
    public: PublicKey | None = None
    urls: frozenset[str] | None = None


NOWHERE: Final = Situation()
"""A call of which nothing is known."""


def change_in(fixed: Fixed, situation: Situation) -> Change | None:
    """What a form does in one call, where that depends on the call; None of forms that do the same in every call."""
    made = _IN_CALLS.get(TOKEN if is_token(fixed.form) else fixed.form.name)
    return made(fixed, situation) if made is not None else None


def change_of(
    form: Form, category: Category, key: bytes, markets: Sequence[str] = (), public: PublicKey | None = None
) -> Change | None:
    """What a form does to a scalar, or None where the value leaves as it is.

    `key` is the vendor's own, so that pseudonyms of two vendors cannot be joined. `markets` are the countries whose
    national telephone numbers are found in free text, `public` is what values are encrypted for. A null stays null in
    every form but `replace`. Raises ValueError for a plain `mask` of a category that has no convention. A change of the
    forms that `CAN_FAIL` raises Unfit for a value that is not of its kind.
    """
    if form.name == "as_is":
        return None
    if (late := change_in(Fixed(form, category, key, tuple(markets), public=public), NOWHERE)) is not None:
        return late
    if (made := _CHANGES.get(form.name)) is None:
        raise ValueError(f"`{form.name}` leaves nothing to change")
    return made(form, category, key)


def bounded(change: Change | None, most: int) -> Change:
    """The same change, which raises Unfit `field.length` where what is left has more characters than the vendor takes.

    A vendor that cut it off would have a pseudonym that nobody turns back, or an address that leads elsewhere.
    """

    def changed(value: Scalar) -> Scalar:
        left = value if change is None else change(value)
        if (left.size if isinstance(left, Octets) else len(as_text(left))) > most:
            raise Unfit("field.length", refuses=True)
        return left

    return changed


def reaching(change: Change, urls: Collection[str]) -> Change:
    """The same change, which raises Unfit `field.link` where what is left leads to an address that is not listed."""

    def changed(value: Scalar) -> Scalar:
        left = change(value)
        if isinstance(left, str) and leads_elsewhere(left, urls):
            raise Unfit("field.link")
        return left

    return changed


def pseudonym(category: Category, key: bytes) -> Callable[[str], str]:
    """`psn_` and 26 hexadecimal digits of HMAC-SHA-256 over category and value (EDPB Guidelines 01/2025)."""
    keyed = hmac.new(key, category.value.encode() + b"\x00", sha256)

    def pseudonymised(text: str) -> str:
        # Not hmac.digest: for every value it would give the interpreter's lock away.
        mac = keyed.copy()
        mac.update(text.encode())
        return "psn_" + mac.hexdigest()[:26]

    return pseudonymised


def _on_text(change: Callable[[str], str]) -> Change:
    def changed(value: Scalar) -> Scalar:
        return None if value is None else change(as_text(value))

    return changed


def _constant(form: Form) -> Scalar:
    return form.value if isinstance(form.value, str | int) else None


def _length(form: Form) -> int:
    return form.value if isinstance(form.value, int) else 0


def _pseudonym_of(form: Form, category: Category, key: bytes) -> Callable[[str], str]:
    return reversible(category, key) if is_reversible(form) else pseudonym(category, key)


def _mapped(table: Table) -> Callable[[str], str]:
    """What the table says. Raises Unfit `field.unmapped` for what it does not know, unless it has an `otherwise`."""
    entries, otherwise = dict(table.entries), table.otherwise

    def mapped(text: str) -> str:
        left = entries.get(text, otherwise)
        if left is None:
            raise Unfit("field.unmapped", refuses=True)
        return left

    return mapped


def _encrypted(rule: Fixed, sealed: Sealed | None) -> Callable[[str], str]:
    if rule.public is None:
        raise ValueError("without a public key, `encrypt` leaves nothing to change")
    change = encrypted(rule.public) if sealed is None else sealed.encrypted(rule.public)

    def changed(text: str) -> str:
        # The vendor reads it, and may go where it leads.
        if rule.urls is not None and leads_elsewhere(text, rule.urls):
            raise Unfit("field.link")
        return change(text)

    return changed


def _scrubbed(rule: Fixed, known: Iterable[Known]) -> Callable[[str], str]:
    """Text without what is found in it; of one that begins with an address that is not listed, `<URL>` is left."""
    longest = _length(rule.form) or None

    def changed(text: str) -> str:
        left = scrub(text, regions=rule.markets, known=known)
        if rule.urls is not None and leads_elsewhere(left, rule.urls):
            left = " ".join(["<URL>", *left.strip().split(" ")[1:]])
        return left[:longest]

    return changed


def _mask_of(form: Form, category: Category) -> Callable[[str], str]:
    if isinstance(form.value, Mask):
        kept = form.value
        if category is Category.PAYMENT_PAN:
            return lambda text: _card(text, kept)
        if category is Category.CONTACT_PHONE:
            return lambda text: _phone_ends(text, kept)
        return lambda text: _ends(_normal(text), kept.keep_first, kept.keep_last)
    if category not in MASKS:
        raise ValueError(f"there is no convention for masking {category}; write {{mask: {{keep_last: 4}}}}")
    return MASKS[category]


def _normal(text: str) -> str:
    """Full-width digits are digits: compatibility forms are unified before anything is hidden (NFKC)."""
    return unicodedata.normalize("NFKC", text).strip()


def _ends(text: str, first: int, last: int) -> str:
    if first + last >= len(text):
        return "*" * len(text)
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]


def _digits(text: str) -> str:
    """Digits, and the stars of what was masked before."""
    return "".join(sign for sign in _normal(text) if sign.isdecimal() or sign == "*")


def _card(text: str, kept: Mask = Mask(keep_last=4)) -> str:  # noqa: B008  Mask is immutable
    """The last four digits; the first six too only where asked, and only if six stay hidden (PCI DSS 3.4.1)."""
    digits = _digits(text)
    first, last = min(kept.keep_first, 6), min(kept.keep_last, 4)
    if len(digits) - first - last < 5:  # noqa: PLR2004  a 15-digit number hides five, a shorter one shows no beginning
        first = 0
    return _ends(digits, first, last)


def _account(text: str) -> str:
    """Country and the last four of an IBAN; the last four of any other account."""
    signs = "".join(sign for sign in _normal(text).upper() if sign.isalnum() or sign == "*")
    return _ends(signs, 2 if signs[:2].isalpha() else 0, 4)


def _phone(text: str) -> str:
    """Country code and at most the last four digits, with at least six hidden (GB/T 41833-2022)."""
    normal, digits = _normal(text), _digits(text)
    international = digits if normal.startswith("+") else digits[2:] if normal.startswith("00") else ""
    code = _calling_code(international)
    if not code or len(international) - len(code) < _HIDDEN_DIGITS:
        return _ends(digits, 0, _shown(digits))
    national = international[len(code) :]
    return f"+{code}{_ends(national, 0, _shown(national))}"


def _phone_ends(text: str, kept: Mask) -> str:
    """As many digits as a contract asks for, but no more than leave six hidden; those at the end come first."""
    digits = _digits(text)
    room = max(0, len(digits) - _HIDDEN_DIGITS)
    last = min(kept.keep_last, room)
    return _ends(digits, min(kept.keep_first, room - last), last)


def _shown(digits: str) -> int:
    return max(0, min(_SHOWN_DIGITS, len(digits) - _HIDDEN_DIGITS))


def _calling_code(digits: str) -> str:
    """The code with which an international number begins, or nothing where none does."""
    if digits[:1] in ("", "0", "*"):
        return ""
    if digits[:1] in ("1", "7"):
        return digits[:1]
    return digits[:2] if digits[:2] in _TWO_DIGITS else digits[:3]


def _mail(text: str) -> str:
    """The domain stays only where millions share it."""
    _, sign, domain = _normal(text).rpartition("@")
    domain = domain.lower()
    return f"XXXXX@{domain if sign and domain in _PUBLIC_MAIL else 'XXXXX'}"


def _name(text: str) -> str:
    """The first letter of each part, and stars that do not tell the length."""
    return " ".join(_name_part(part) for part in _normal(text).split()) or "*"


def _name_part(part: str) -> str:
    if len(part) == 1:
        return "*"
    return f"{part[0]}**" if _CJK.match(part) else f"{part[0]}***"


def _street(text: str) -> str:
    """The street without unit, room or house number, taken off until none is left; of what is no street, nothing."""
    if len(text) > _LONGEST_STREET:
        return "*"
    lines = _LINES.split(_normal(text).translate(_DASHES))
    parts = (_HOUSE.sub("", _UNIT.sub("", " ".join(part.split()))).strip(" -") for part in lines)
    street = ", ".join(part for part in parts if part) or "*"
    return street if street == text else _street(street)


def _postal_code(text: str) -> str:
    """The first three signs; of an area of the United States where hardly anybody lives none of its own."""
    code = _normal(text)
    sparse = _SPARSE_ZIP.match(code)
    return _ends(f"000{sparse[1]}" if sparse else code, 3, 0)


MASKS: Mapping[Category, Callable[[str], str]] = {
    Category.PAYMENT_PAN: _card,
    Category.PAYMENT_BANK_ACCOUNT: _account,
    Category.CONTACT_PHONE: _phone,
    Category.CONTACT_EMAIL: _mail,
    Category.PERSON_NAME: _name,
    Category.ADDRESS_FULL: _street,
    Category.ADDRESS_STREET: _street,
    Category.ADDRESS_UNIT: lambda _: "*",
    Category.ADDRESS_POSTAL_CODE: _postal_code,
}

_CHANGES: Mapping[str, Callable[[Form, Category, bytes], Change]] = {
    "replace": lambda form, _category, _key: lambda _: _constant(form),
    "truncate": lambda form, _category, _key: _on_text(lambda text: text[: _length(form)]),
    "mask": lambda form, category, _key: _on_text(_mask_of(form, category)),
    "generalise": lambda form, _category, _key: generalised(cast("Coarse", form.value)),
    "map": lambda form, _category, _key: _on_text(_mapped(cast("Table", form.value))),
    "link": lambda form, _category, _key: _on_text(linked(cast("Link", form.value))),
    "pseudonymise": lambda form, category, key: _on_text(_pseudonym_of(form, category, key)),
}

_IN_CALLS: Mapping[str, Callable[[Fixed, Situation], Change]] = {
    "encrypt": lambda rule, call: _on_text(_encrypted(rule, call.sealed)),
    "relink": lambda _, call: _on_text(relinked(call.way)),
    "restore": lambda rule, call: restored(rule.category, rule.key, call.lookup.behind if call.lookup else None),
    "scrub": lambda rule, call: _on_text(_scrubbed(rule, call.known)),
    TOKEN: lambda rule, call: _on_text(tokenised(call.lookup, rule.category, rule.roles)),
}
