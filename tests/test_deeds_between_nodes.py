"""What people do at two nodes in the same instant is done once, and whoever comes second is told so."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from clearances import placed
from postgres_stores import WRITER
from pydantic import SecretStr
from running import BY, Running, running
from shop_contracts import FILES
from shop_notices import CLAIM

from gateway import stores
from gateway.errors import GatewayError
from gateway.identity import Caller
from gateway.registry.claims import Claims
from gateway.rights.asked import Answered, Close, Decide, Open, Personal, Withdraw
from gateway.vocabulary import Right, Role

ROUNDS = 3
KEYS = ("root.key", "kek.key", "sign.key")
STELLA = Caller("stella", "", "", "live", None, 0, Role.STEWARD)
PERSON = Caller("", "", "", "live", None, 0, Role.SUBJECT, subject="c-88")
SAID = {"version": "2", "document": f"sha256:{2:064}", "purposes": ["delivery"], "vendor_kinds": ["logistics"]}
WHO = {"subject": "c-89", "role": "consignee", "order": "A-10045"}
CALLED = {"vendor": "parcels", "operation": "claim", "people": [WHO], "happened": "2026-03-02T10:00:00Z"}
Deed = Callable[[Running], Awaitable[Any]]


class Apart(Claims):
    """Claims of a node that asks no other: what the tests below would not pass with."""

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        del name
        yield


@contextmanager
def pair(folder: Path, owner: str, **settings: Any) -> Iterator[list[Running]]:
    """Two gateways on one PostgreSQL."""
    url = owner.replace("postgres@", f"{WRITER}@", 1)
    stores.prepare(owner, url)
    files = placed({**FILES, "parcels/claim.yaml": CLAIM})
    shared: dict[str, Any] = {"files": files, "database": SecretStr(url), **settings}
    with running(folder / "one", node="one", **shared) as one:
        (folder / "two" / "data").mkdir(parents=True, mode=0o700)
        for key in KEYS:
            shutil.copy2(folder / "one" / "data" / key, folder / "two" / "data" / key)
        with running(folder / "two", node="two", facts=(), **shared) as two:
            yield [one, two]


def together(nodes: Sequence[Running], deed: Deed) -> list[object]:
    """What the nodes answer when each is asked for the same in the same instant: what was done, or the error."""

    def done(node: Running) -> object:
        try:
            return node.do(lambda: deed(node))
        except GatewayError as error:
            return error

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(done, nodes))


def published(nodes: Sequence[Running], number: int) -> list[object]:
    name = f"2026-{number}"
    nodes[0].do(lambda: nodes[0].stores.desk.policies.draft(SAID | {"version": name}, STELLA))
    return together(nodes, lambda node: node.stores.desk.policies.publish(name, {}, STELLA))


def closed(nodes: Sequence[Running], number: int) -> list[object]:
    del number
    desk = nodes[0].gateway.requests
    request = nodes[0].do(lambda: desk.open(PERSON, Open(right=Right.ERASURE))).request
    ruling = Decide.model_validate({"decisions": [{"ruling": "erase"}]})
    nodes[0].do(lambda: desk.decide(STELLA, request, ruling))
    return together(nodes, lambda node: node.gateway.requests.close(STELLA, request, Close(fulfilled=True)))


def answered(nodes: Sequence[Running], number: int) -> list[object]:
    """One says at the same time that orders go on and that they stop."""
    person = Caller("", "", "", "live", None, 0, Role.SUBJECT, subject=f"c-{number}00")
    nodes[0].do(lambda: nodes[0].gateway.consents.withdraw(person, Withdraw(everything=True)))
    [request] = nodes[0].do(lambda: nodes[0].gateway.requests.of(person, Personal())).requests
    said = {id(node): Answered(orders=orders) for node, orders in zip(nodes, ("continue", "stop"), strict=True)}
    return together(nodes, lambda node: node.gateway.consents.answer(person, request.request, said[id(node)]))


def imported(nodes: Sequence[Running], number: int) -> list[object]:
    told = [CALLED | {"happened": f"2026-03-0{number}T10:00:0{second}Z"} for second in range(5)]
    return together(nodes, lambda node: node.stores.direct.record(told, by=BY))


def looked(nodes: Sequence[Running], number: int) -> list[object]:
    """What both hand out to one person at once: eight entries each, of the twelve that are left."""
    return together(nodes, lambda node: node.stores.desk.entries({"limit": 8}, by=f"rita-{number}"))


def knew(answer: Any) -> list[bool]:
    return [each["known"] for each in answer]


def errors(answers: Sequence[object]) -> list[str]:
    return [type(each).__name__ for each in answers if isinstance(each, GatewayError)]


@pytest.mark.slow
def test_of_two_nodes_one_does_it_and_the_other_is_told_that_it_came_late(tmp_path: Path, emptied: str) -> None:
    with pair(tmp_path, emptied, withdraw_all_stops_contract="ask") as nodes:
        for number in range(1, ROUNDS + 1):
            assert errors(published(nodes, number)) == ["TakenVersion"]
            assert errors(closed(nodes, number)) == ["Refusal"]
            assert errors(answered(nodes, number)) == ["Refusal"]
            assert sorted(map(knew, imported(nodes, number))) == [[False] * 5, [True] * 5]
        versions = [each["version"] for each in nodes[1].record(kind="policy")]
        entered = nodes[1].record(kind="fact")
        done = [each for each in entered if (each.get("fact"), each.get("state")) == ("request:erasure", "fulfilled")]
        beside = [each["happened"] for each in nodes[1].record(kind="intent")]

    assert sorted(each for each in versions if each.startswith("2026-")) == ["2026-1", "2026-2", "2026-3"]
    assert len(done) == ROUNDS
    assert len(beside) == len(set(beside)) == 5 * ROUNDS


@pytest.mark.slow
def test_nodes_that_ask_nobody_would_do_it_twice(tmp_path: Path, emptied: str) -> None:
    with pair(tmp_path, emptied) as nodes:
        for node in nodes:
            node.stores.direct._claims = Apart(node.stores.registry)
        answers = [imported(nodes, number) for number in range(1, ROUNDS + 1)]
        beside = [each["happened"] for each in nodes[1].record(kind="intent")]

    assert not any(map(errors, answers))
    assert len(beside) > len(set(beside))


@pytest.mark.slow
def test_what_two_nodes_hand_out_to_one_person_is_counted_together(tmp_path: Path, emptied: str) -> None:
    with pair(tmp_path, emptied, entries_a_day=12) as nodes:
        for number in range(ROUNDS):
            assert errors(looked(nodes, number)) == ["Refusal"]
        looks = [each for each in nodes[1].record(kind="access") if each["reviewer"] == "rita-0"]
        for node in nodes:
            node.stores.desk.accesses._claims = Apart(node.stores.registry)
        apart = [errors(looked(nodes, number)) for number in range(ROUNDS, 4 * ROUNDS)]

    assert sorted((each["found"], each.get("refused")) for each in looks) == [(0, "access.bulk"), (8, None)]
    assert [] in apart


@pytest.mark.slow
def test_a_hold_at_one_node_stops_what_the_other_would_tell_and_its_release_goes_on_with_it(
    tmp_path: Path, emptied: str
) -> None:
    with pair(tmp_path, emptied) as [one, two]:
        one.do(lambda: one.stores.direct.record([CALLED], by=BY))

        def states(node: Running) -> list[tuple[str, str]]:
            node.do(node.gateway.tell)
            found = node.do(lambda: node.stores.notices.listed({}, by=BY))
            return [(each["cause"], each["state"]) for each in found]

        two.do(lambda: two.stores.holds.hold({"subject": "c-89", "reason": "litigation"}, by=BY))
        begun = one.do(lambda: one.stores.erasures.begin({"subject": "c-89", "reason": "request"}, by=BY))
        held = [states(node) for node in (one, two)]
        released = one.do(lambda: one.stores.holds.release({"subject": "c-89"}, by=BY))

        assert begun["state"] == "held"
        assert held == [[("erasure", "held")]] * 2
        assert released == 1
        assert states(two) == [("erasure", "task")]
