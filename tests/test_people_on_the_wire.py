"""What the shop says of people and orders counts for the next call, and what is refused reaches no vendor."""

from collections.abc import Iterator

import pytest
from running import Running, running

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
