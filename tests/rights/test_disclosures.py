"""Lines of a report, made of entries: what the law keeps back stays back for so long and no longer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clearances import placed
from shop_contracts import FILES
from small_contracts import read_files

from gateway.contract.load import ContractSet
from gateway.frozen import changed
from gateway.ledger.entry import Subject
from gateway.ledger.personal import Personal
from gateway.ledger.store import Entry
from gateway.rights.disclosures import Disclosure, disclosures, summed

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
END = NOON + timedelta(days=30)
ME = Subject("c-1", "purchaser", "DE", "A-1")
BODY: Mapping[str, Any] = {
    "disclosure": "d" * 32,
    "ts": int(NOON.timestamp() * 1_000_000),
    "entity": "shop-eu",
    "vendor": "",
    "recipient": {"name": "Amtsgericht Bonn"},
    "countries": ["DE"],
    "purpose": "legal_compulsion",
    "grounds": [{"role": "purchaser", "jurisdiction": "DE", "basis": "legal_obligation"}],
    "disclosed": [{"form": "as_is", "of": ["purchaser"], "fields": [["$.name", "person.name"]]}],
}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> ContractSet:
    found, findings = read_files(tmp_path_factory.mktemp("lines"), placed(FILES))
    assert found is not None, findings
    return found


def entry(seq: int = 1, *, result: str = "sent", **members: Any) -> Personal:
    return Personal(Entry(seq, {**BODY, **members}, {"result": result}), (ME,))


def lines(contracts: ContractSet, *told: Personal, now: datetime = NOON, inquiries: bool = True) -> list[Disclosure]:
    return disclosures(told, contracts, now, inquiries=inquiries, notices=[])


def test_what_must_not_be_told_yet_is_told_once_its_time_is_over(contracts: ContractSet) -> None:
    gagged = entry(exceptional={"suppressed_until": END.isoformat()})

    assert lines(contracts, gagged, now=END - timedelta(seconds=1)) == []
    [line] = lines(contracts, gagged, now=END)
    assert (line.recipient.name, line.channel.code, line.bases[0].code) == (
        "Amtsgericht Bonn", "exceptional", "legal_obligation",
    )  # fmt: skip


@pytest.mark.parametrize("inquiries", [True, False])
def test_an_inquiry_of_an_authority_is_told_as_the_settings_say(contracts: ContractSet, inquiries: bool) -> None:
    inquiry, other = entry(1, exceptional={"inquiry": True}), entry(2, disclosure="e" * 32, exceptional={"case": "1"})

    assert len(lines(contracts, inquiry, other, inquiries=inquiries)) == 1 + inquiries


def test_attempts_of_one_disclosure_are_one_line_and_it_arrived_if_one_did(contracts: ContractSet) -> None:
    first, second = entry(1, result="sent"), entry(2, result="in_doubt", attempt=2)

    assert [line.arrived for line in lines(contracts, first, second)] == ["yes"]
    assert [line.arrived for line in lines(contracts, second)] == ["possibly"]
    assert lines(contracts, entry(3, result="not_sent")) == []


def test_what_was_told_first_and_entered_afterwards_has_the_time_at_which_it_was_told(contracts: ContractSet) -> None:
    early = NOON - timedelta(hours=3)

    [line] = lines(contracts, entry(exceptional={"happened": early.isoformat()}))

    assert line.first == line.last == early


def test_words_that_no_list_has_any_more_are_shown_as_they_were_written(contracts: ContractSet) -> None:
    [line] = lines(
        contracts,
        entry(
            purpose="old_purpose",
            vendor_kind="weather",
            transfer=[["DE", "A49-1-e"]],
            disclosed=[{"form": "old", "of": ["purchaser"], "fields": [["$.x", "old.category"]]}],
            entity="shop-gone",
        ),
    )

    assert (line.purpose.en, line.controller.name) == ("old purpose", "shop-gone")
    assert line.kind is not None
    assert (line.kind.code, line.safeguards[0].code) == ("weather", "A49-1-e")
    assert (line.categories[0].code, line.categories[0].forms[0].code) == ("old.category", "old")


def test_a_series_is_only_what_is_alike(contracts: ContractSet) -> None:
    told = [
        entry(1, disclosure="a" * 32),
        entry(2, disclosure="b" * 32, ts=BODY["ts"] + 60_000_000),
        entry(3, disclosure="c" * 32, recipient={"name": "Another"}),
    ]

    series = summed(lines(contracts, *told))

    assert sorted((line.recipient.name, line.count) for line in series) == [("Amtsgericht Bonn", 2), ("Another", 1)]
    assert [line.last - line.first for line in series if line.count == 2] == [timedelta(minutes=1)]


def test_nobody_without_a_role_in_a_group_is_told_of_its_fields(tmp_path: Path, contracts: ContractSet) -> None:
    group = {"form": "as_is", "of": ["consignee"], "fields": [["$.to.name", "person.name"]]}

    [line] = lines(contracts, entry(disclosed=[group]))

    assert line.categories == ()
    # Nobody is told that it was about them as somebody who they are not.
    assert [(word.code, word.en, word.zh) for word in line.others] == [
        ("consignee", "whoever receives the parcel", "收货人")
    ]


@pytest.mark.parametrize(
    ("jurisdiction", "company", "laws"),
    [
        ("FR", "shop-eu", ["GDPR 6(1)(c)"]),
        ("GB", "shop-cn", ["UK GDPR 6(1)(c)", "PIPL 13(3)"]),
        ("CN", "shop-eu", ["GDPR 6(1)(c)", "PIPL 13(3)"]),
        ("CN", "shop-cn", ["PIPL 13(3)"]),
        ("US-CA", "shop-us", []),
        ("unknown", "shop-gone", []),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_bases_and_rights_stand_in_the_law_of_the_person_and_in_that_of_the_company(
    jurisdiction: str, company: str, laws: list[str], contracts: ContractSet
) -> None:
    ground = {"role": "purchaser", "jurisdiction": jurisdiction, "basis": "legal_obligation"}
    told = replace(entry(entity=company, grounds=[ground]), subjects=(changed(ME, jurisdiction=jurisdiction),))

    [line] = lines(several(contracts), told)

    [basis] = line.bases
    assert list(basis.laws) == laws
    see = next(right for right in basis.rights if right.code == "15")
    stands = {"GDPR": "GDPR 15", "UK GDPR": "UK GDPR 15", "PIPL": "PIPL 45"}
    assert list(see.laws) == [stands[law.rpartition(" ")[0]] for law in laws]


def test_on_what_other_people_of_the_same_role_went_is_not_told(contracts: ContractSet) -> None:
    others = {"role": "purchaser", "jurisdiction": "CN", "basis": "explicit_consent"}

    [line] = lines(contracts, entry(grounds=[*BODY["grounds"], others]))

    assert [basis.code for basis in line.bases] == ["legal_obligation"]


def test_that_one_law_asks_for_no_safeguard_does_not_hide_the_one_by_the_other(contracts: ContractSet) -> None:
    told = entry(transfer=[["US-CA", "none_domestic"], ["EU", "scc"], ["JP", "jp_consent"]])
    home = entry(transfer=[["US-CA", "none_domestic"]])
    living = (changed(ME, jurisdiction="US-CA"),)

    found = [lines(contracts, replace(each, subjects=living))[0].safeguards for each in (told, home)]

    assert [[word.code for word in words] for words in found] == [["scc"], ["none_domestic"]]


def several(contracts: ContractSet) -> ContractSet:
    """The same shop with companies in three countries."""
    usual = contracts.entities.entities["shop-eu"]
    companies = {f"shop-{law.lower()}": usual.model_copy(update={"country": law}) for law in ("CN", "US")}
    entities = contracts.entities.model_copy(update={"entities": {"shop-eu": usual, **companies}})
    return replace(contracts, entities=entities)
