"""The events whose leaves may never change: what `tests/vectors/leaf-v1.json` was made from."""

from base64 import b64encode
from typing import TypedDict

import msgspec
from ledger_fakes import PURCHASER, SENT, Repeating, shipment

from gateway.ledger import (
    Access,
    ContractActivated,
    Epoch,
    Erased,
    ErasureDone,
    Event,
    Evidence,
    FactPut,
    Genesis,
    Ground,
    Hold,
    HoldReleased,
    Kept,
    KeyMade,
    Outcome,
    PolicyActivated,
    Purge,
    Recipient,
    Refused,
    Resolved,
    Restored,
    Retention,
    SigningKey,
    Subject,
    TokenChanged,
)
from gateway.ledger.canonical import leaf_hash
from gateway.ledger.entry import Exceptional, Stamp, leaf
from gateway.ledger.housekeeping import Received
from gateway.ledger.keys import Keys
from gateway.ledger.sealing import Payload, seal
from gateway.ledger.steps import CanaryMade, CaseStep, IncidentStep, NoticeStep

STAMP = Stamp("01980000000070008000000000000002", "main", 1_767_225_600_000_000, 815_000, "04a439032972", "n1", 7)
CONSIGNEE = Subject("guest-2342", "consignee", "FR")
DATA = b'{"recipient":{"name":"A. Example"}}'


class Vector(TypedDict):
    """What goes in, the canonical bytes, and their hash; `openings` are the salts of the commitments."""

    name: str
    event: dict[str, object]
    body: str
    leaf_hash: str


EVENTS: dict[str, tuple[Event, tuple[Subject, ...], Payload | None, str]] = {
    "intent with two subjects": (shipment(), (PURCHASER, CONSIGNEE), Payload(DATA, "application/json"), ""),
    "intent beside the gateway": (
        shipment(
            destination=None,
            media="",
            channel="direct",
            happened=1_767_139_200_000_000,
            recorded_afterwards=True,
        ),
        (PURCHASER,),
        Payload(b""),
        "",
    ),
    "intent without a subject": (shipment("1" * 32), (), Payload(b""), ""),
    "outcome sent": (SENT, (), None, "01980000000070008000000000000001"),
    "outcome in doubt": (Outcome("in_doubt"), (), None, "01980000000070008000000000000001"),
    "outcome not sent": (Outcome("not_sent", "ledger.unavailable"), (), None, "01980000000070008000000000000001"),
    "refusal": (
        Refused(
            caller="checkout",
            code="consent.missing",
            codes=("consent.missing", "field.type"),
            vendor="parcels",
            operation="create-shipment",
            contract="parcels/create-shipment@3",
            where=("parcels/create-shipment.yaml:14",),
            paths=("$.größe",),
        ),
        (PURCHASER,),
        None,
        "",
    ),
    "access": (Access("uid:1000", "list", (("vendor", "parcels"),), 2, "audit"), (PURCHASER,), None, ""),
    "genesis": (Genesis(), (), None, ""),
    "epoch": (Epoch("opened"), (), None, ""),
    "contract": (ContractActivated("parcels", "create-shipment", "3", "sha256:q83vEjRWeJA"), (), None, ""),
    "policy": (PolicyActivated("2026-01", "sha256:q83vEjRWeJA"), (), None, ""),
    "fact": (FactPut("consent", "given", by="operator"), (PURCHASER,), None, ""),
    "notice": (
        NoticeStep(
            notice="01980000000070008000000000000001",
            cause="erasure",
            vendor="parcels",
            state="queued",
            way="https",
            duty="confirms",
            categories=("address.city", "person.name"),
            due=1_769_817_600_000_000,
            by="anna",
        ),
        (PURCHASER,),
        None,
        "",
    ),
    "facts of an import": (
        FactPut(
            "consents",
            "imported",
            by="operator",
            put="0198000000007000800000000000000a:2",
            batch="crm-2024",
            count=2,
            digest="04a43903297208150f1e2d3c4b5a6978",
        ),
        (PURCHASER, CONSIGNEE),
        None,
        "",
    ),
    "key": (KeyMade(1, "created"), (), None, ""),
    "key of a turnover": (KeyMade(2, "created", "anna"), (), None, ""),
    "erase": (
        Erased(
            reason="request",
            by="anna",
            links=3,
            keys=1,
            root="hWk+5+Fo6sJGo1BZv6vQUW3JUqBpuhiKS+MyNv7GGdc=",
            generation=2,
        ),
        (),
        None,
        "",
    ),
    "erase, forced": (
        Erased(
            reason="request",
            by="anna",
            links=0,
            keys=0,
            root="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            generation=2,
            forced=True,
        ),
        (),
        None,
        "",
    ),
    "erase done": (ErasureDone("01980000000070008000000000000001"), (), None, ""),
    "hold": (Hold("court-order", "anna"), (PURCHASER,), None, ""),
    "hold until a day": (Hold("court-order", "anna", "2026-12-31"), (PURCHASER,), None, ""),
    "hold released": (HoldReleased("01980000000070008000000000000001", "rita"), (PURCHASER,), None, ""),
    "resolve": (
        Resolved("sent", "the vendor found it under our reference", "uid:1000"),
        (),
        None,
        "01980000000070008000000000000001",
    ),
    "signing key": (SigningKey("gateway/04a4390329720815/main+04a43903+AQ=="), (), None, ""),
    "token": (TokenChanged("01980000000070008000000000000001", "checkout", "issued"), (), None, ""),
    "token that ends": (
        TokenChanged("01980000000070008000000000000001", "checkout", "issued", expires=1_775_001_600),
        (),
        None,
        "",
    ),
    "purge": (
        Purge(
            policy="sha256:0b2bd1d1a3b5ea3ea4e2b3a5e4b8cbd4f1d5ea32ef5f6c0e1f0a1d3a4c1b7e90",
            classes=(
                Kept("refusal", "P1Y", 1, 1_735_689_600_000_000),
                Kept("routine", "P5Y", 2, 1_609_459_200_000_000),
            ),
            ranges=((4, 5), (9, 9)),
            count=3,
            set_root="hWk+5+Fo6sJGo1BZv6vQUW3JUqBpuhiKS+MyNv7GGdc=",
            oldest_ts=1_609_459_199_000_000,
            newest_ts=1_735_689_600_000_000,
            by="gateway",
        ),
        (),
        None,
        "",
    ),
    "genesis of another origin": (
        Genesis(
            origin=2,
            previous="gateway/04a4390329720102/main",
            checkpoint="gateway/04a4390329720102/main\n9\nhWk+5+Fo6sJGo1BZv6vQUW3JUqBpuhiKS+MyNv7GGdc=\n\n",
            size=6,
            lost=(6, 8),
        ),
        (),
        None,
        "",
    ),
    "restore": (
        Restored(
            made=1_767_225_500_000_000,
            size=6,
            root="hWk+5+Fo6sJGo1BZv6vQUW3JUqBpuhiKS+MyNv7GGdc=",
            erased=1,
            by="anna",
        ),
        (),
        None,
        "",
    ),
    "intent outside contracts": (
        shipment(
            "2" * 32,
            vendor="",
            vendor_kind="",
            vendor_role="",
            recipient=Recipient("Staatsanwaltschaft Berlin"),
            operation="",
            contract="",
            contract_digest="",
            purpose="legal_compulsion",
            commercial="",
            agreements=(),
            grounds=(Ground("purchaser", "DE", "legal_obligation", Evidence("case", "3" * 32)),),
            destination=None,
            retention=Retention(retention_class="legal_request"),
            exceptional=Exceptional(
                case="3" * 32,
                scenario="legal_compulsion",
                recipient="law_enforcement",
                country="DE",
                handover="sealed",
                inquiry=True,
                demand="domestic",
                suppressed_until="2026-12-31T23:00:00+00:00",
            ),
            caller="stella",
        ),
        (PURCHASER,),
        Payload(DATA, "application/json"),
        "",
    ),
    "canary": (CanaryMade("parcels", 1, "stella"), (), None, ""),
    "step of an incident": (
        IncidentStep("5" * 32, "opened", "parcels", "paula", (("nature", "confidentiality"), ("reference", "INC-1"))),
        (),
        None,
        "",
    ),
    "step of a case": (
        CaseStep("3" * 32, "legal_compulsion", "request", "stella", (("subjects", 1), ("country", "DE")), "4:0"),
        (),
        None,
        "",
    ),
    "policy published by hand": (PolicyActivated("2026-02", "sha256:q83vEjRWeJA", "stella", "6:0"), (), None, ""),
    "token of a person": (
        TokenChanged(
            "01980000000070008000000000000001", "subject", "issued", expires=1_775_001_600, by="account-centre"
        ),
        (PURCHASER,),
        None,
        "",
    ),
    "received": (
        Received("parcels", "tracking", "q83vEjRWeJA=", 812, (("shipment.tracking", 1), ("not_personal", 2)), 3),
        (),
        None,
        "",
    ),
    "access in bulk": (Access("uid:1000", "export", (), 200_000, grant="0" * 32), (), None, ""),
    "access that was refused": (Access("rita", "list", refused="access.bulk"), (), None, ""),
}


def vectors(keys: Keys) -> list[Vector]:
    return [_vector(name, keys) for name in EVENTS]


def _vector(name: str, keys: Keys) -> Vector:
    event, subjects, payload, intent = EVENTS[name]
    joined = seal(keys, f"main|{STAMP.id}", subjects, payload, Repeating()).members
    body = leaf(event, STAMP, joined | ({"intent": intent} if intent else {}))
    return Vector(
        name=name, event=msgspec.json.decode(body), body=b64encode(body).decode(), leaf_hash=leaf_hash(body).hex()
    )
