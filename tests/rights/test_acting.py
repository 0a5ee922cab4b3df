"""For whom somebody may ask, and that it is on record in which case."""

import pytest

from gateway.errors import Refusal
from gateway.identity import Caller
from gateway.rights.acting import acting
from gateway.rights.asked import OnBehalf, Personal, Proof, Requester, Unasked
from gateway.vocabulary import Role
from gateway.vocabulary.people import Verified

ZOE = Caller("", "0" * 32, "shop-eu", "live", None, 0, Role.SUBJECT, "c-1")
ADA = Caller("ada", "0" * 32, "shop-eu", "live", None, 0, Role.AGENT)


def behalf(ref: str) -> OnBehalf:
    return OnBehalf(subject=ref, case="CS-1", reason="asked in the shop", verified=Verified.IN_PERSON)


def test_a_person_asks_for_themselves_and_for_nobody_else() -> None:
    assert acting(ZOE, Personal()).subject == "c-1"
    assert acting(ZOE, Personal(on_behalf=behalf("c-1"))).by == "subject"
    with pytest.raises(Refusal) as refused:
        acting(ZOE, Personal(on_behalf=behalf("c-2")))

    assert (refused.value.code, refused.value.status) == ("subject.unknown", 404)


def test_an_agent_says_for_whom() -> None:
    who = acting(ADA, Personal(on_behalf=behalf("c-2")))

    assert (who.subject, who.by) == ("c-2", "ada")
    with pytest.raises(Unasked):
        acting(ADA, Personal())


def test_an_entry_says_in_which_case_and_not_for_whom() -> None:
    relative = OnBehalf(
        subject="c-2", case="CS-1", reason="asked by letter", verified=Verified.DOCUMENT,
        requester=Requester.RELATIVE, proof=Proof.DEATH_CERTIFICATE,
    )  # fmt: skip

    entry = acting(ADA, Personal(on_behalf=relative)).access("report", 3).members()

    assert dict(entry["filters"]) == {  # type: ignore[arg-type]
        "case": "CS-1", "requester": "relative", "verified": "document", "proof": "death_certificate",
    }  # fmt: skip
    assert (entry["found"], entry["why"]) == (3, "asked by letter")
    assert "c-2" not in repr((entry, acting(ADA, Personal(on_behalf=relative))))
