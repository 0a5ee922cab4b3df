"""A file of facts goes in once, however often it is begun; what is wrong is told by its line, without its values."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from gateway import failpoints
from gateway.errors import Refusal
from gateway.failpoints import InjectedError
from gateway.feed import TOGETHER, OtherFile
from gateway.imports import How, UnfitImport, fed
from gateway.ledger import Filter
from gateway.registry.facts import Mention
from gateway.settings import Settings
from gateway.stores import Stores, opened
from gateway.vocabulary import SubjectRole

CANARY = "zoe@example.com"
THEN = "2024-02-01T09:30:00+00:00"
NEW = {"new": 1, "same": 0, "changed": 0, "older": 0, "refused": 0}


def consent(subject: str, state: str = "given", **more: Any) -> dict[str, Any]:
    return {"kind": "consent", "subject": subject, "purpose": "delivery", "state": state, "time": THEN} | more


def order(number: int) -> dict[str, Any]:
    people = [{"role": "purchaser", "subject": f"c-{number}", "jurisdiction": "DE"}]
    return {"kind": "order", "order": f"A-{number}", "people": people}


@pytest.fixture(autouse=True)
def _unarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@asynccontextmanager
async def started(folder: Path, database: str | None = None) -> AsyncIterator[Stores]:
    shared = SecretStr(database) if database else None
    settings = Settings(data=folder, database=shared, database_unguarded=database is not None)
    async with opened(settings, lambda: "shop-eu") as stores:
        yield stores


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with started(tmp_path) as stores:
        yield stores


async def imported(stores: Stores, *rows: Any, id_: str | None = "crm", **how: Any) -> dict[str, Any]:
    data = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows).encode()

    async def parts() -> AsyncIterator[bytes]:
        yield data

    wanted = TypeAdapter(How).validate_python({"form": "jsonl", "import": id_, **how})
    return await fed(stores.desk.imports, wanted, parts(), by="anna")


async def said(stores: Stores, subject: str) -> list[tuple[str, str]]:
    mention = Mention(SubjectRole.PURCHASER, ref=subject)
    facts = await stores.registry.about([mention], consents=True, order=None)
    return [(each.state.value, each.record) for each in facts.consents[subject]]


async def entries(stores: Stores, **wanted: Any) -> list[dict[str, Any]]:
    found = await stores.ledger.entries(Filter(kind="fact", limit=1_000, **wanted))
    return [dict(entry.body) for entry in found]


async def test_what_goes_in_together_has_one_entry_and_each_answer_its_number_in_it(stores: Stores) -> None:
    told = await imported(stores, order(1), consent("c-1"), consent("c-2"), source="crm")

    assert told["counts"] == NEW | {"new": 3}
    [entry] = await entries(stores)
    assert (entry["fact"], entry["state"], entry["by"], entry["batch"], entry["count"]) == (
        "consents", "imported", "anna", "crm", 4,
    )  # fmt: skip
    assert len(entry["digest"]) == 32
    assert "c-1" not in json.dumps(entry)
    assert await said(stores, "c-1") == [("given", f"{entry['id']}.2")]
    assert [each["id"] for each in await entries(stores, subject="c-2")] == [entry["id"]]
    assert await entries(stores, subject="c-3") == []


async def test_begun_again_nothing_goes_in_twice(stores: Stores) -> None:
    rows = [order(1), consent("c-1"), consent("c-1", "withdrawn"), consent("c-2", time=None) | {}]
    rows[3].pop("time")
    await imported(stores, *rows)
    before = await entries(stores), await said(stores, "c-1"), await said(stores, "c-2")

    again = await imported(stores, *rows)

    assert again["counts"] == NEW | {"new": 0, "same": 4}
    assert (await entries(stores), await said(stores, "c-1"), await said(stores, "c-2")) == before
    assert [state for state, _ in before[1]] == ["withdrawn", "given"]


async def test_history_does_not_come_over_what_was_said_since(stores: Stores) -> None:
    await stores.desk.put_facts([{k: v for k, v in consent("c-1", "withdrawn").items() if k != "time"}], by="anna")

    await imported(stores, consent("c-1"))

    assert [state for state, _ in await said(stores, "c-1")] == ["withdrawn", "given"]


async def test_an_order_that_is_older_than_what_is_known_changes_nothing(stores: Stores) -> None:
    await stores.desk.put_facts([order(1) | {"people": [{"role": "purchaser", "subject": "c-9"}]}], by="anna")

    told = await imported(stores, order(1) | {"time": THEN})

    assert told["counts"] == NEW | {"new": 0, "older": 1}
    facts = await stores.registry.about([Mention(SubjectRole.PURCHASER, order="A-1")], consents=False, order="A-1")
    assert facts.people[SubjectRole.PURCHASER].ref == "c-9"


async def test_a_rehearsal_counts_what_would_be_done_and_does_nothing(stores: Stores) -> None:
    rows = [order(n) for n in range(TOGETHER)] + [order(1), consent("c-1"), consent("c-1"), "{"]

    rehearsed = await imported(stores, *rows, dry_run=True)
    nothing = await entries(stores), await stores.registry.known()
    done = await imported(stores, *rows)

    assert nothing == ([], frozenset())
    assert (
        rehearsed["counts"]
        == done["counts"]
        == {"new": TOGETHER + 1, "same": 2, "changed": 0, "older": 0, "refused": 1}
    )


async def test_a_line_that_is_no_fact_is_told_by_its_number_and_what_is_wrong_without_its_values(
    stores: Stores,
) -> None:
    wrong: list[Any] = [
        f'{{"kind": "{CANARY}"}}',
        f'{{"{CANARY}',
        consent(CANARY, CANARY),
        consent("c-1") | {CANARY: CANARY},
        consent("c-1") | {"unknown_member": 1},
        consent("c-1", method=CANARY),
        consent("c-1", time="2999-01-01T00:00:00Z"),
        order(1) | {"people": [{"role": "purchaser", "subject": CANARY, "jurisdiction": CANARY}]},
        {"kind": "suspension", "vendor": CANARY},
    ]

    told = await imported(stores, order(1), *wrong, consent("c-2"))

    assert told["counts"] == NEW | {"new": 2, "refused": len(wrong)}
    assert [each["line"] for each in told["refused"]] == list(range(2, 2 + len(wrong)))
    assert CANARY not in json.dumps(told)
    reasons = [each["why"] for each in told["refused"]]
    assert reasons[0].startswith("kind: there is no such kind (write one of order, ")
    assert reasons[3].startswith("*: ")
    assert reasons[4].startswith("unknown_member: ")
    assert reasons[5].startswith("method: ")
    assert "jurisdiction: " in reasons[7]


async def test_history_of_a_vendor_that_nobody_has_any_more_is_taken_and_noted_once(stores: Stores) -> None:
    rows = [consent("c-1"), *(consent(f"c-{n}", vendor="parcelgat") for n in range(2, 5))]

    told = await imported(stores, *rows)
    again = await imported(stores, *(consent(f"c-{n}", vendor="parcelgat") for n in range(5, 7)))

    assert told["counts"] == NEW | {"new": 4}
    [noted] = told["noted"]
    assert noted["line"] == 2
    assert noted["why"].endswith("did you mean `parcelgate`?")
    assert again["noted"] == [], "by now an earlier fact knows it"


async def test_an_end_without_its_time_zone_is_refused_with_how_to_write_it(stores: Stores) -> None:
    told = await imported(stores, consent("c-1", expires="2030-01-01T00:00:00"), consent("c-2"))

    assert told["counts"] == NEW | {"refused": 1}
    assert told["refused"][0]["why"].startswith("expires: a moment without its time zone (write it like 2026-")


async def test_an_order_with_a_role_twice_is_refused_alone(stores: Stores) -> None:
    twice = order(1) | {"people": [{"role": "payer", "subject": "c-1"}, {"role": "payer", "subject": "c-2"}]}

    told = await imported(stores, twice, order(2))

    assert told["counts"] == NEW | {"refused": 1}


@pytest.mark.parametrize(
    ("step", "shared"), [("after-pending", False), ("after-entry", False), ("after-row", False), ("after-entry", True)]
)
async def test_broken_off_and_begun_again_it_goes_on_and_ends_as_if_it_had_not(
    tmp_path: Path, request: pytest.FixtureRequest, step: str, shared: bool
) -> None:
    database = request.getfixturevalue("emptied") if shared else None
    rows = [order(n) if n % 2 else consent(f"c-{n}") for n in range(2 * TOGETHER + 7)]
    async with started(tmp_path / "broken", database) as stores:
        failpoints.arm(f"{step}=raise@2")
        with pytest.raises(InjectedError):
            await imported(stores, *rows)
    failpoints.arm("")

    async with started(tmp_path / "broken", database) as stores:
        told = await imported(stores, *rows)
        broken = await entries(stores), await stores.registry.known(), await said(stores, "c-0")
        again = await imported(stores, *rows)
    async with started(tmp_path / "whole") as stores:
        await imported(stores, *rows)
        whole = await entries(stores), await stores.registry.known(), await said(stores, "c-0")

    assert told["resumed_at"] == (TOGETHER if step == "after-pending" else 2 * TOGETHER)
    assert told["counts"] == NEW | {"new": len(rows)}
    assert again["counts"] == NEW | {"new": 0, "same": len(rows)}
    assert [each["count"] for each in broken[0]] == [each["count"] for each in whole[0]]
    assert broken[1] == whole[1]
    assert len(broken[2]) == len(whole[2]) == 1


async def test_another_file_does_not_go_on_where_one_broke_off(stores: Stores) -> None:
    failpoints.arm("after-pending=raise@2")
    with pytest.raises(InjectedError):
        await imported(stores, *(order(n) for n in range(2 * TOGETHER)))
    failpoints.arm("")

    with pytest.raises(OtherFile):
        await imported(stores, *(order(n + 1) for n in range(2 * TOGETHER)))

    assert len(await stores.registry.known()) == TOGETHER


async def test_two_who_feed_one_import_do_not_put_anything_in_twice(stores: Stores) -> None:
    begun = await stores.desk.imports.begin({"id": "crm"}, by="anna")
    part = {"id": "crm", "begun": begun["begun"], "at": 0, "lines": [(1, order(1), "")], "chain": "a"}
    await stores.desk.imports.put(part, by="anna")

    with pytest.raises(UnfitImport):
        await stores.desk.imports.put(part, by="berta")


async def test_where_the_record_cannot_be_written_nothing_goes_in(stores: Stores) -> None:
    stores.ledger._writer._dead = True

    with pytest.raises(Refusal):
        await imported(stores, consent("c-1"))

    assert await stores.registry.known() == frozenset()
    stores.ledger._writer._dead = False


async def test_without_a_name_an_import_is_known_by_the_content_of_its_file_under_a_key(stores: Stores) -> None:
    first = await stores.desk.imports.begin({"content": "a" * 64}, by="anna")
    again = await stores.desk.imports.begin({"content": "a" * 64}, by="anna")
    nameless = [await stores.desk.imports.begin({}, by="anna") for _ in range(2)]

    assert first["id"] == again["id"]
    assert first["id"].removeprefix("file-") not in "a" * 64
    assert nameless[0]["id"] != nameless[1]["id"]


@pytest.mark.parametrize("wrong", [{"id": "Zoe Example"}, {"id": CANARY}, {"content": "x"}, {"who": "c-1"}])
async def test_a_name_that_could_be_somebodys_is_not_taken(stores: Stores, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        await stores.desk.imports.begin(wrong, by="anna")
