"""Sentences with personal data in them, and where it stands: made anew, the same ones for the same seed."""

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import luhn
from stdnum.br import cnpj, cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.fr import nir
from stdnum.iso7064 import mod_97_10
from stdnum.jp import in_

MARKETS = ("US", "GB", "DE", "FR", "CN", "JP", "KR", "BR")
Draw = Callable[[random.Random, str], str]

SAYINGS: Mapping[str, Sequence[str]] = {
    "PHONE_NUMBER": (
        "Please ring {} when you are at the door.",
        "{} is where I am in the evening",
        "Parcel left, customer ({}) was out.",
        "Mein Handy: {}, danke!",
        "Appelez le {} avant de passer.",
        "请拨打{}。谢谢",
        "connection of {} failed: busy",
        "me liga {} por favor",
    ),
    "CREDIT_CARD": (
        "Charged {} twice!",
        "card={} declined",
        "I paid with {}, please refund.",
        "卡号{}已过期",
        "PAN {} exp 12/27 not accepted",
    ),
    "IBAN_CODE": ("Refund to {} please.", "iban={};", "Bitte auf {} überweisen", "account {} was not found"),
    "NATIONAL_ID": ("My number for customs is {}.", "tax id {} rejected", "证件号{}", "KeyError: '{}'"),
    "EMAIL_ADDRESS": ("Write to {}.", "no such user <{}>", "mailto:{}", "請寄到{}。謝謝", "user={},role=buyer"),
    "IP_ADDRESS": ("login from {} refused", "peer {}: connection reset", "blocked [{}]"),
    "URL": ("see {} for my basket", "GET {} failed with 500", "({})"),
    "JWT": ("session {} has expired", "token={}"),
    "API_KEY": ("invalid key {}", "Authorization: Bearer {}", "key {} has been revoked"),
}
HARMLESS = (
    "Order {order} has {small} items and costs {price}.",
    "Please leave it at the back door before {time}.",
    "Delivered on {date} at {time}, weight {weight} kg.",
    "Timeout after {thousands} ms in shop@{version} (line {small}).",
    "Parcel {tracking} is late.",
    "Size {small}-{small}, colour 12/4.",
    "Page https://shop.example/help/returns does not load",
    "EAN {ean} is out of stock, {small} left",
    "build {uuid} failed on node-{small}",
    "Invoice INV-{date}-{small} over {price}",
    "retry {small}/5 at {timestamp}",
    "HTTP 503 after {small} tries, {thousands} bytes read",
    "Room {small}, floor 3, code not needed",
)


def sentences(market: str, count: int) -> Iterator[str]:
    """JSON lines: two of three hold something of one of the kinds, in a spelling that is usual in the market."""
    drawn = random.Random(f"sentences of {market}")
    for number in range(count):
        text, spans = _harmless(drawn) if number % 3 == 0 else _personal(drawn, market)
        yield json.dumps({"full_text": text, "spans": spans, "markets": [market]})


def _personal(drawn: random.Random, market: str) -> tuple[str, list[dict[str, object]]]:
    kind = drawn.choice(list(SAYINGS))
    before, after = drawn.choice(SAYINGS[kind]).split("{}")
    value = MADE[kind](drawn, market)
    start = len(before)
    return before + value + after, [{"entity_type": kind, "start_position": start, "end_position": start + len(value)}]


def _harmless(drawn: random.Random) -> tuple[str, list[dict[str, object]]]:
    ean = "".join(drawn.choices("0123456789", k=12))
    values = {
        "order": drawn.choice([f"A-{drawn.randint(10000, 99999)}", str(drawn.randint(100000, 999999))]),
        "small": drawn.randint(1, 99),
        "price": f"{drawn.randint(1, 999)}.{drawn.randint(10, 99)} EUR",
        "time": f"{drawn.randint(0, 23):02}:{drawn.randint(0, 59):02}",
        "date": f"{drawn.randint(2020, 2029)}-{drawn.randint(1, 12):02}-{drawn.randint(1, 28):02}",
        "weight": f"{drawn.randint(0, 30)}.{drawn.randint(0, 999):03}",
        "thousands": f"{drawn.randint(1, 999)},{drawn.randint(0, 999):03},{drawn.randint(0, 999):03}",
        "version": f"{drawn.randint(0, 9)}.{drawn.randint(0, 30)}.{drawn.randint(0, 9)}",
        "tracking": drawn.choice(["1Z999AA1", "RR12345678"]) + "".join(drawn.choices("0123456789", k=10)) + "DE",
        "ean": ean + str(-sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(ean)) % 10),
        "uuid": f"{drawn.getrandbits(32):08x}-{drawn.getrandbits(16):04x}-4000-8000-{drawn.getrandbits(48):012x}",
        "timestamp": f"17{drawn.randint(10_000_000, 99_999_999)}.{drawn.randint(10, 99)}",
    }
    return drawn.choice(HARMLESS).format(**values), []


def _digits(drawn: random.Random, count: int) -> str:
    return "".join(drawn.choices("0123456789", k=count))


def _phone(drawn: random.Random, market: str) -> str:
    kind = drawn.choice([PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
    example = phonenumbers.example_number_for_type(market, kind)
    assert example is not None
    while True:
        national = str(example.national_number)[:-5] + _digits(drawn, 5)
        number = phonenumbers.parse(f"+{example.country_code}{national}")
        if phonenumbers.is_valid_number(number):
            break
    ways = [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL]
    written = phonenumbers.format_number(number, drawn.choice(ways))
    return drawn.choice(
        [written, written, written.replace("-", "."), "".join(s for s in written if s in "+0123456789")]
    )


def card(drawn: random.Random) -> str:
    prefix, length = drawn.choice(
        [("4", 16), ("52", 16), ("37", 15), ("6011", 16), ("2223", 16), ("62", 19), ("36", 14)]
    )
    body = prefix + _digits(drawn, length - len(prefix) - 1)
    return body + luhn.calc_check_digit(body)


def _card(drawn: random.Random, _market: str) -> str:
    number, sign = card(drawn), drawn.choice(["", " ", "-", ".", "\u00a0", "\u2013"])
    shape = (4, 6, 5) if len(number) == 15 else (4, 6, 4) if len(number) == 14 else (4, 4, 4, 4, 3)
    groups, at = [], 0
    for length in shape:
        groups.append(number[at : at + length])
        at += length
    return sign.join(group for group in groups if group)


def _iban(drawn: random.Random, _market: str) -> str:
    country = drawn.choice(["DE", "GB", "NL", "AT", "CH"])
    bank = "".join(drawn.choices("ABCDEFGHKLMNPRSTW", k=4))
    inner = {"DE": _digits(drawn, 18), "GB": bank + _digits(drawn, 14), "NL": bank + _digits(drawn, 10),
             "AT": _digits(drawn, 16), "CH": _digits(drawn, 17)}[country]  # fmt: skip
    whole = country + mod_97_10.calc_check_digits(inner + country) + inner
    spaced = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return drawn.choice([whole, spaced, whole.lower()])


def _born(drawn: random.Random) -> str:
    return f"{drawn.randint(1930, 2009)}{drawn.randint(1, 12):02}{drawn.randint(1, 28):02}"


def _national(drawn: random.Random, market: str) -> str:
    return NATIONAL[market](drawn)


def _american(drawn: random.Random) -> str:
    return f"{drawn.randint(1, 665):03}-{drawn.randint(1, 99):02}-{drawn.randint(1, 9999):04}"


def _british(drawn: random.Random) -> str:
    letters, digits, last = drawn.choice(["AB", "JG", "PX", "SR", "WM"]), _digits(drawn, 6), drawn.choice("ABCD")
    spaced = f"{letters} {digits[:2]} {digits[2:4]} {digits[4:]} {last}"
    return drawn.choice([spaced, letters + digits + last])


def _german(drawn: random.Random) -> str:
    while True:
        digits = drawn.choice("123456789") + _digits(drawn, 9)
        for last in "0123456789":
            if idnr.is_valid(digits + last):
                return str(drawn.choice([digits + last, idnr.format(digits + last)]))


def _french(drawn: random.Random) -> str:
    body = (
        f"{drawn.choice('12')}{_digits(drawn, 2)}{drawn.randint(1, 12):02}{drawn.randint(1, 95):02}{_digits(drawn, 6)}"
    )
    body = body.replace("20", "21") if body[5:7] == "20" else body
    whole = body + nir.calc_check_digits(body)
    return str(drawn.choice([whole, nir.format(whole)]))


def _chinese(drawn: random.Random) -> str:
    body = f"110105{_born(drawn)}{_digits(drawn, 3)}"
    if body[6:8] == "19" and drawn.random() < 0.3:
        return body[:6] + body[8:]
    return body + ric.calc_check_digit(body + "0")


def _japanese(drawn: random.Random) -> str:
    body = _digits(drawn, 11)
    whole = body + in_.calc_check_digit(body)
    return drawn.choice([whole, f"{whole[:4]}-{whole[4:8]}-{whole[8:]}", f"{whole[:4]} {whole[4:8]} {whole[8:]}"])


def _korean(drawn: random.Random) -> str:
    born = _born(drawn)
    digits = f"{born[2:]}{drawn.choice('12' if born < '2000' else '34')}{_digits(drawn, 5)}"
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    check = str((11 - sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11) % 10)
    if drawn.random() < 0.3:
        return digits + drawn.choice([check, "7"])
    return f"{digits[:6]}-{digits[6:]}{check}"


def _brazilian(drawn: random.Random) -> str:
    if drawn.random() < 0.5:
        person = next(number for number in iter(lambda: _digits(drawn, 11), "") if cpf.is_valid(number))
        return str(drawn.choice([person, cpf.format(person)]))
    if drawn.random() < 0.3:
        letters = "".join(drawn.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=12))
        made = letters + cnpj.calc_check_digits(letters)
        return str(cnpj.format(made) if made.isdigit() else drawn.choice([made, cnpj.format(made)]))
    company = next(
        number for number in iter(lambda: _digits(drawn, 8) + "0001" + _digits(drawn, 2), "") if cnpj.is_valid(number)
    )
    return str(drawn.choice([company, cnpj.format(company)]))


def _mail(drawn: random.Random, _market: str) -> str:
    name = drawn.choice(["zoe.mueller", "li_wei88", "o'brien", "a", "joão", "first.last+shop", "X-99"])
    domain = drawn.choice(["example.com", "mail.example.co.uk", "müller.example", "163.example", "a-b.example.io"])
    if drawn.random() < 0.2:
        at, dot = drawn.choice([(" [at] ", " [dot] "), ("(at)", "(dot)"), (" at ", " dot ")])
        return f"li_wei88{at}{drawn.choice(['mail.example.io', 'example.com', 'post.co.uk']).replace('.', dot)}"
    return f"{name}@{domain}"


def _address(drawn: random.Random, _market: str) -> str:
    if drawn.random() < 0.5:
        return ".".join(str(drawn.randint(1, 254)) for _ in range(4))
    groups = [f"{drawn.getrandbits(16):x}" for _ in range(6)]
    return drawn.choice([f"2001:db8:{':'.join(groups)}", f"2001:db8::{groups[0]}", f"fe80::{groups[0]}:{groups[1]}"])


def _url(drawn: random.Random, _market: str) -> str:
    host = drawn.choice(
        ["https://shop.example/search", "http://www.example.com/", "/account/orders", "www.shop.example/p/12"]
    )
    return (
        f"{host}?{drawn.choice(['q', 'customer', 'token'])}={drawn.choice(['rosacea', '88120', 'a%20b', 'x&page=2'])}"
    )


def _jwt(drawn: random.Random, _market: str) -> str:
    parts = (b'{"alg":"EdDSA"}', json.dumps({"sub": drawn.randint(1, 10**9)}).encode(), drawn.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _key(drawn: random.Random, _market: str) -> str:
    letters = "".join(drawn.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=36))
    return drawn.choice(
        [
            "sk_live_" + letters.lower(),
            "AKIA" + letters[:16],
            "ghp_" + letters,
            "xoxb-" + letters,
            "AIza" + letters[:35],
        ]
    )


NATIONAL: Mapping[str, Callable[[random.Random], str]] = {
    "US": _american, "GB": _british, "DE": _german, "FR": _french,
    "CN": _chinese, "JP": _japanese, "KR": _korean, "BR": _brazilian,
}  # fmt: skip
MADE: Mapping[str, Draw] = {
    "PHONE_NUMBER": _phone, "CREDIT_CARD": _card, "IBAN_CODE": _iban, "NATIONAL_ID": _national, "EMAIL_ADDRESS": _mail,
    "IP_ADDRESS": _address, "URL": _url, "JWT": _jwt, "API_KEY": _key,
}  # fmt: skip
