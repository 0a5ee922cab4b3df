"""What the shop says of people and orders counts for the next call, and what is refused reaches no vendor."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, running
from shop_contracts import FILES
from sockets import Reply

RESTRICTED = {"kind": "flag", "subject": "c-88", "flag": "restricted"}
CLOSED = {"kind": "order_state", "order": "A-10045", "state": "closed"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("people")) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def _as_at_first(gateway: Running) -> None:
    gateway.reset()


def refused(gateway: Running) -> str:
    """The code with which a parcel was refused, and nothing reached the vendor."""
    reply = gateway.ship()
    assert reply.status == 403
    assert gateway.received == []
    assert gateway.record(kind="refusal")[0]["code"] == reply.code
    return reply.code


@pytest.mark.parametrize("flag", ["restricted", "inactive", "erased"])
def test_a_flag_counts_for_the_next_call_until_it_is_lifted(gateway: Running, flag: str) -> None:
    gateway.put(RESTRICTED | {"flag": flag})
    code = refused(gateway)
    gateway.put(RESTRICTED | {"flag": flag, "lifted": True})

    assert code == f"subject.{flag}"
    assert gateway.ship().status == 200


def test_a_restriction_of_an_account_holds_for_the_order_that_was_made_as_a_guest(gateway: Running) -> None:
    link = {"kind": "link", "subject": "account-7", "other": "c-88"}
    gateway.put(link, RESTRICTED | {"subject": "account-7"})
    code = refused(gateway)
    gateway.put(link | {"lifted": True})

    assert code == "subject.restricted"
    assert gateway.ship().status == 200


def test_about_a_closed_order_nothing_more_leaves(gateway: Running) -> None:
    gateway.put(CLOSED)
    code = refused(gateway)
    gateway.put(CLOSED | {"state": "after_sales"})

    assert code == "order.state"
    assert gateway.ship().status == 200


def test_an_objection_stops_what_rests_on_a_legitimate_interest(gateway: Running) -> None:
    objected = {"kind": "flag", "subject": "c-89", "flag": "objected"}
    gateway.put(objected)
    code = refused(gateway)
    gateway.put(objected | {"lifted": True})

    assert code == "basis.objected"
    assert gateway.ship().status == 200


def surveyed(gateway: Running) -> Reply:
    """A call about somebody of whom nothing is known but a device."""
    proven, body = f"Gateway-Token: {gateway.token('shop-web')}", b'{"user":"device-7","page":"cart"}'
    return gateway.call("POST", "/faults/api/surveys", proven, body=body, token="")


def test_who_only_browses_or_orders_as_a_guest_is_a_subject_too(gateway: Running) -> None:
    visitor = {"kind": "consent", "subject": "device-7", "purpose": "fault_repair"}
    guest = {"kind": "order", "order": "G-1", "people": [{"role": "purchaser", "subject": "guest-1"}]}
    at_first = surveyed(gateway)

    gateway.put(visitor | {"state": "given"}, {"kind": "subject", "subject": "device-7", "jurisdiction": "DE"})
    gateway.put(guest, {"kind": "subject", "subject": "guest-1", "jurisdiction": "DE"})
    asked = surveyed(gateway)

    assert (at_first.status, at_first.code) == (403, "consent.missing")
    assert asked.status == 200
    assert gateway.ship(reference="G-1").status == 200
    for ref in ("device-7", "guest-1"):
        assert len(gateway.entries(kind="intent", subject=ref)) == 1


SOLD = dict(FILES) | {
    "parcels/ship.yaml": FILES["parcels/ship.yaml"].replace("callers:", "commercial: sale\ncallers:", 1)
}


def test_where_nobody_knows_whom_a_call_is_about_nothing_leaves(gateway: Running) -> None:
    unknown = gateway.ship(reference="A-404").code, gateway.call("GET", "/parcels/shipments/T-404").code

    assert unknown == ("subject.unresolved", "subject.unresolved")
    assert gateway.received == []


def test_a_call_whose_header_names_somebody_else_reaches_nobody(gateway: Running) -> None:
    link = {"kind": "link", "subject": "account-8", "other": "c-88"}
    gateway.put(link)
    mismatched, named, linked = (gateway.ship(f"Gateway-Subject: {ref}") for ref in ("c-90", "c-88", "account-8"))
    gateway.put(link | {"lifted": True})

    assert (mismatched.status, mismatched.code) == (403, "subject.mismatch")
    assert (named.status, linked.status) == (200, 200)
    assert len(gateway.parcels.received) == 2


def test_a_yes_that_names_its_data_lets_no_other_go(gateway: Running) -> None:
    yes = {"kind": "consent", "subject": "c-89", "purpose": "delivery_notification", "state": "given"}
    to = {"name": "Zoe", "email": "zoe@example.com"}

    for categories in (["contact.phone"], ["contact.email", "contact.phone"]):
        gateway.put(yes | {"categories": categories})
        assert gateway.ship(to=to).status == 200
    gateway.put(yes | {"state": "withdrawn"})

    assert [json.loads(sent.payload)["to"].get("email") for sent in gateway.parcels.received] == [None, to["email"]]


def test_a_sale_needs_everybodys_yes_and_no_signal_against_it(tmp_path: Path) -> None:
    yes = {"kind": "consent", "purpose": "delivery", "vendor": "parcels", "state": "given", "explicit": True}
    opted_out = {"kind": "flag", "subject": "c-88", "flag": "opted_out"}
    with running(tmp_path, files=SOLD) as gateway:
        before = gateway.ship()
        gateway.put(*(yes | {"subject": each} for each in ("c-88", "c-89")))
        sold, signalled = gateway.ship(), gateway.ship("Sec-GPC: 1")
        gateway.put(opted_out)
        stopped = gateway.ship()
        gateway.put(yes | {"subject": "c-88"})

        assert (before.code, signalled.code, stopped.code) == ("sale.without_consent", *["sale.opted_out"] * 2)
        assert (sold.status, gateway.ship().status) == (200, 200)
        assert len(gateway.parcels.received) == 2
        assert {each["commercial"] for each in gateway.record(kind="intent")} == {"sale"}


@pytest.mark.parametrize(
    ("field", "is_signal"),
    [
        ("Sec-GPC: 1", True),
        ("sec-gpc:1", True),
        ("Sec-GPC: \t1 \t ", True),
        ("Sec-GPC: 1, 1", True),
        ("Sec-GPC: 0,1", True),
        ("Sec-GPC: 0", False),
        ("Sec-GPC: 11", False),
        ("Sec-GPC:", False),
    ],
)
def test_the_signal_is_heard_however_its_line_is_spaced_or_joined(
    gateway: Running, field: str, is_signal: bool
) -> None:
    reply = gateway.ship(field)

    assert reply.status == 200
    assert dict(gateway.parcels.received[-1].headers).get("sec-gpc") == ("1" if is_signal else None)


def test_the_signal_goes_on_to_a_vendor_who_only_serves_us(gateway: Running) -> None:
    replies = [gateway.ship("Sec-GPC: 1"), gateway.ship()]

    assert [reply.status for reply in replies] == [200, 200]
    assert [dict(sent.headers).get("sec-gpc") for sent in gateway.parcels.received] == ["1", None]


def test_a_card_of_somebody_in_china_is_charged_on_a_separate_consent(tmp_path: Path) -> None:
    lives = {"kind": "subject", "subject": "c-90", "jurisdiction": "CN"}
    yes = {"kind": "consent", "subject": "c-90", "purpose": "payment_settlement", "state": "given", "explicit": True}
    body = b"amount=1&source=tok_1&customer=c-90&metadata[order]=A-10045"

    def charged(gateway: Running) -> Reply:
        form = "Content-Type: application/x-www-form-urlencoded"
        return gateway.call("POST", "/payments/accounts/a/charges", form, body=body, token=gateway.token("checkout"))

    with running(tmp_path / "by itself") as gateway:
        gateway.put(lives, yes)
        missing = charged(gateway)
        gateway.put(yes | {"separate": True})
        assert (missing.code, charged(gateway).status) == ("consent.missing", 200)
    with running(tmp_path / "set", cn_sensitive_requires_separate_consent=False) as gateway:
        gateway.put(lives)
        assert charged(gateway).status == 200


def test_a_trial_with_real_data_is_a_disclosure_like_any_other(tmp_path: Path) -> None:
    with running(tmp_path, environment="sandbox") as gateway:
        trial = gateway.ship()
        gateway.put(RESTRICTED)
        restricted = gateway.ship()

        [entry] = gateway.entries(kind="intent", subject="c-88")
        assert (trial.status, entry.body["environment"]) == (200, "sandbox")
        assert restricted.code == "subject.restricted"


def test_where_trials_are_for_made_up_people_no_real_one_reaches_the_vendor(tmp_path: Path) -> None:
    file = "parcels/vendor.yaml"
    tried = FILES[file].replace("token:", "environments: {sandbox: {test_subjects_only: true}}\ntoken:")
    made_up = [{"kind": "flag", "subject": subject, "flag": "test"} for subject in ("c-88", "c-89")]
    with running(tmp_path / "tried", files={**FILES, file: tried}, environment="sandbox") as gateway:
        real = refused(gateway)
        gateway.put(made_up[0])
        half = refused(gateway)
        gateway.put(made_up[1])
        trial = gateway.ship()
        gateway.put(made_up[0] | {"lifted": True})
        again = gateway.ship()
    with running(tmp_path / "live", files={**FILES, file: tried}) as gateway:
        in_earnest = gateway.ship()

    assert {real, half, again.code} == {"subject.not_test"}
    assert (trial.status, in_earnest.status) == (200, 200)


def test_who_gets_a_gift_is_sent_nothing_on_somebody_elses_contract(tmp_path: Path) -> None:
    file, legitimate = "parcels/ship.yaml", "legal_basis: {default: legitimate_interest, CN: explicit_consent}"
    contracted = FILES[file].replace(legitimate, "legal_basis: performance_of_contract")
    assert contracted != FILES[file]
    same = {"kind": "link", "subject": "c-88", "other": "c-89"}
    with running(tmp_path, files={**FILES, file: contracted}) as gateway:
        gift = refused(gateway)
        gateway.put(same)
        own = gateway.ship()
        gateway.put(same | {"lifted": True})
        again = gateway.ship()

    assert (gift, own.status, again.code) == ("basis.not_party", 200, "basis.not_party")
