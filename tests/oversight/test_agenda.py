"""Every deadline in one list and one calendar, and nobody in either."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clearances import loaded
from demands import EMERGENCY, Staff
from running import Running, running
from shop_contracts import FILES

from gateway.contract.load import ContractSet
from gateway.due import WORDS, Due
from gateway.frozen import changed
from gateway.ledger.canonical import Json
from gateway.ledger.store import Entry, Filter
from gateway.ledger.tallies import Count
from gateway.oversight.agenda import calendar, of_contracts, of_counts, of_keys
from gateway.vocabulary import Role
from gateway.vocabulary.china import CLOCK, NECESSARY, PEOPLE, SENSITIVE
from gateway.vocabulary.notices import Cause

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("feed")) as gateway:
        yield gateway


def asked(gateway: Running, target: str, *fields: str) -> bytes:
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", target, *fields, token=token), operators=True)
    assert reply.status == 200
    return reply.payload


def test_what_every_part_knows_stands_in_one_list_the_next_one_first(gateway: Running) -> None:
    gateway.ship()
    staff = Staff(gateway)
    case = staff.opened(EMERGENCY, "eva")
    staff.send(case, "eva")
    now = datetime.now(UTC).isoformat()
    incident = {"vendor": "parcels", "nature": "confidentiality", "began": now, "aware": now, "reference": "INC-1"}
    gateway.do(lambda: gateway.gateway.incidents.open(incident, by="paula"))
    gateway.do(lambda: gateway.stores.notices.tell({"cause": "erasure", "subject": "c-88"}, by="stella"))

    async def notices() -> Sequence[dict[str, Any]]:
        return await gateway.stores.notices.listed({}, by="stella")

    found = json.loads(asked(gateway, "/deadlines"))["result"]
    feed = asked(gateway, "/deadlines", "Accept: text/calendar").decode()

    what = {each["what"] for each in found}
    assert {
        "exceptional.review",
        "exceptional.tell",
        "incident.authority",
        "vendor.review",
        "agreement.ends",
        "keys.turnover",
    } <= what
    [telling] = [each for each in found if each["what"] == "tell.erasure"]
    [vendor, notice] = telling["ref"].split(" ")
    assert f"Tell the vendor: erasure: {vendor} {notice}" in feed.replace("\r\n ", "")
    assert (vendor, [each["id"] for each in gateway.do(notices)]) == ("parcels", [notice])
    times = [datetime.fromisoformat(each["at"]) for each in found]
    assert times == sorted(times)
    assert feed.count("BEGIN:VEVENT") == len(found)
    assert asked(gateway, "/deadlines?form=ics").decode().count("BEGIN:VEVENT") == len(found)
    assert not any(ref in f"{found}{feed}" for ref in ("c-1", "c-88", "c-89"))


def with_papers(until: str, *more: str) -> ContractSet:
    """A shop whose courier signed this paper and others, and gets data on a certificate until the end of 2026."""
    file = "parcels/vendor.yaml"
    text = FILES[file].replace("2095-12-31", until).replace("countries: [DE]", "countries: [US]")
    text = text.replace("EU: none_domestic", "EU: {mechanism: dpf, to: [US], until: 2026-12-31}")
    [paper] = [line for line in text.splitlines(keepends=True) if "id: DPA-1" in line]
    for name in more:
        text = text.replace(paper, paper + paper.replace("DPA-1", name).replace(until, "2027-05-31"))
    return loaded({**FILES, file: text})


@pytest.mark.parametrize(
    ("contracts", "papers"),
    [
        (with_papers("2026-05-31"), ["parcels DPA-1"]),
        (with_papers("2026-05-31", "DPA-2"), ["parcels DPA-2"]),
        (with_papers("2026-06-30", "DPA-2"), ["parcels DPA-1", "parcels DPA-2"]),
    ],
    ids=["one that ended", "one that was followed by another", "one that will end, and another"],
)
async def test_what_ends_is_told_on_its_day_and_what_was_followed_by_something_else_is_not(
    contracts: ContractSet, papers: list[str]
) -> None:
    async def standing() -> ContractSet:
        return contracts

    found = await of_contracts(standing, lambda: NOON)()

    assert [each.ref for each in found if each.what == "agreement.ends" and "parcels" in each.ref] == papers
    [certificate] = [each for each in found if each.what == "transfer.ends"]
    assert (certificate.ref, certificate.at.date().isoformat()) == ("parcels dpf for EU", "2026-12-31")


async def test_a_version_of_the_policy_that_is_planned_is_told_until_it_is_in_force() -> None:
    contracts, moment = loaded(FILES), NOON + timedelta(days=3)
    [version] = contracts.policy.versions
    versions = (version, version.model_copy(update={"version": "2", "published": moment}))
    planned = changed(contracts, policy=contracts.policy.model_copy(update={"versions": versions}))

    async def standing() -> ContractSet:
        return planned

    async def told(now: datetime) -> list[tuple[str, datetime]]:
        found = await of_contracts(standing, lambda: now)()
        return [(each.ref, each.at) for each in found if each.what == "policy.planned"]

    assert await told(NOON) == [("2", moment)]
    assert await told(moment) == []


def test_a_paper_that_was_entered_counts_in_deadlines_and_reports(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        gateway.put({"kind": "agreement_end", "vendor": "parcels", "agreement": "DPA-1", "last": "2090-01-31"})
        due = json.loads(asked(gateway, "/deadlines"))["result"]
        rows = json.loads(asked(gateway, "/reports/expiring"))["rows"]

    assert [each["at"][:10] for each in due if each["ref"] == "parcels DPA-1"] == ["2090-01-31"]
    assert [each["on"] for each in rows if each["id"] == "DPA-1"] == ["2090-01-31"]


def test_what_a_vendor_attests_is_due_again_so_long_after_the_last_time(tmp_path: Path) -> None:
    file = "parcels/vendor.yaml"
    asking = "deletion: {attests: P1Y}\nattestations: {security: P2Y, sub_processors: P30D}\n"
    with running(tmp_path, files={**FILES, file: FILES[file] + asking}) as gateway:

        def told() -> dict[str, str]:
            due = json.loads(asked(gateway, "/deadlines"))["result"]
            return {each["ref"]: each["at"][:10] for each in due if each["what"] == "vendor.attestation"}

        first = told()
        said = {"kind": "attestation", "vendor": "parcels", "of": "security"}
        gateway.put({**said, "given": "2090-03-01"}, {**said, "given": "2089-01-01"})
        later = told()
        rows = json.loads(asked(gateway, "/reports/vendors"))["rows"]
        expiring = json.loads(asked(gateway, "/reports/expiring"))["rows"]
        entries = gateway.record(kind="fact", vendor="parcels")
        gateway.put({**said, "given": "9999-06-01"})
        last = told()

    assert last["parcels security"] == "9999-12-31"
    # From the first paper on, which was signed on the first day of 2025; a year is taken for 366 days.
    assert first == {
        "parcels deletion": "2026-01-02", "parcels security": "2027-01-03", "parcels sub_processors": "2025-01-31",
    }  # fmt: skip
    assert later == {**first, "parcels security": "2092-03-02"}
    [shown] = [row["attestations"] for row in rows if row["vendor"] == "parcels"]
    assert "sub_processors overdue since 2025-01-31" in shown
    assert "security until 2092-03-02" in shown
    found = [each["on"] for each in expiring if (each["what"], each["id"]) == ("attestation", "security")]
    assert found == ["2092-03-02"]
    assert {(each["fact"], each["state"]) for each in entries} == {("attestation:security", "given")}


async def test_keys_are_to_be_turned_over_a_month_after_the_last_time_or_the_beginning() -> None:
    def entry(day: int, **body: Json) -> Entry:
        return Entry(0, {"ts": int((NOON + timedelta(days=day)).timestamp()) * 1_000_000, **body})

    entries = {"genesis": [entry(0)], "key": list[Entry]()}

    async def found(wanted: Filter) -> list[Entry]:
        return entries[wanted.kind or ""]

    [first] = await of_keys(found)()
    entries["key"] = [entry(9, state="destroyed", generation=1), entry(8, state="created", generation=2)]
    [second] = await of_keys(found)()

    assert (first.ref, first.at) == ("generation 1", NOON + timedelta(days=31))
    assert (second.ref, second.at) == ("generation 2", NOON + timedelta(days=39))


NEW_YEAR = datetime(2026, 1, 1, tzinfo=CLOCK)


def with_line(mechanism: str) -> ContractSet:
    """A shop whose courier gets data from China on this."""
    file = "parcels/vendor.yaml"
    return loaded({**FILES, file: FILES[file].replace("cn_contract_necessity", mechanism)})


async def warned(count: Count, days: int, mechanism: str = "cn_standard_contract") -> list[Due]:
    """What there is to do after so many days of the year."""

    async def counts() -> list[Count]:
        return [count]

    contracts, now = with_line(mechanism), NEW_YEAR + timedelta(days=days)
    return list(await of_counts(counts, lambda: contracts, lambda: now)())


async def test_before_so_many_people_in_china_that_the_law_asks_for_more_somebody_is_told() -> None:
    [due] = await warned(Count(PEOPLE, "2026", "shop-eu", 60_000), 100)

    assert due.at == NEW_YEAR + timedelta(days=100) * (100_000 / 60_000)
    assert due.ref.startswith("shop-eu 100000")
    assert [each.ref.split(" ")[1] for each in await warned(Count(SENSITIVE, "2026", "shop-eu", 5_000), 100)] == [
        "10000"
    ]
    [passed, next_] = await warned(Count(PEOPLE, "2026", "shop-eu", 600_000), 100)
    assert passed.at < NEW_YEAR + timedelta(days=100) < next_.at


@pytest.mark.parametrize(
    ("count", "days", "mechanism"),
    [
        (Count(PEOPLE, "2026", "shop-eu", 20_000), 100, "cn_standard_contract"),
        (Count(PEOPLE, "2026", "shop-eu", 9_999), 1, "cn_standard_contract"),
        (Count(PEOPLE, "2025", "shop-eu", 600_000), 100, "cn_standard_contract"),
        (Count(PEOPLE, "2026", "shop-eu parcels", 600_000), 100, "cn_standard_contract"),
        (Count(NECESSARY, "2026", "shop-eu", 600_000), 100, "cn_contract_necessity"),
        (Count(PEOPLE, "2026", "shop-eu", 600_000), 100, "cn_security_assessment"),
    ],
    ids=["not this year", "too early to say", "a year that is over", "of one vendor", "necessity", "assessed"],
)
async def test_where_the_law_will_ask_for_nothing_more_nobody_is_told(count: Count, days: int, mechanism: str) -> None:
    assert await warned(count, days, mechanism) == []


def test_a_calendar_is_one_that_others_read() -> None:
    long = Due("agreement.ends", "parcels " + "Größe;,\\" * 20, NOON, Role.STEWARD)

    text = calendar([long, Due("incident.authority", "i" * 32, NOON + timedelta(hours=1), Role.DPO)], NOON)

    lines = text.split("\r\n")
    assert (lines[0], lines[-2], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR", "")
    assert max(len(line.encode()) for line in lines) <= 75
    whole = text.replace("\r\n ", "")
    assert whole.count("BEGIN:VEVENT") == whole.count("END:VEVENT") == 2
    assert "Größe\\;\\,\\\\" in whole
    assert re.findall(r"DTSTART:(\S+)", whole) == ["20260615T120000Z", "20260615T130000Z"]
    assert len(set(re.findall(r"UID:(.+)", whole))) == 2
    assert f"SUMMARY:Tell the authority of the incident: {'i' * 32} (dpo)\r\nCATEGORIES:incident.authority" in whole


def test_every_deadline_there_is_has_words() -> None:
    sources = [file.read_text("utf-8") for file in (Path(__file__).parents[2] / "gateway").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r'Due\(\s*f?"([a-z_.]+)', text)}
    named |= {name for text in sources for name in re.findall(r'yield \("([a-z_]+\.[a-z_]+)", f"', text)}

    families = tuple(name for name in named if name.endswith("."))
    assert {name.removesuffix(".") for name in named} == {word for word in WORDS if not word.startswith(families)}
    assert {word for word in WORDS if word.startswith(families)} == {f"notice.{Cause.KEEP}"}
    assert Due("request.erasure", "7", NOON, Role.STEWARD).said == "Answer the request: erasure: 7"
