"""On what data crosses a border: by the company that lets it out, the country it goes to, and the laws that ask."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from clearances import CONSENT, NOON, SHIP, asked, codes, given
from pydantic import TypeAdapter

from gateway.clearance import Question, clear, ends, needs_consents, stand
from gateway.contract.announcing import Announced, State
from gateway.contract.model import SubProcessor
from gateway.contract.papers import Transfers
from gateway.contract.terms import Terms
from gateway.frozen import changed
from gateway.registry.facts import Consent, Papers
from gateway.vocabulary import AgreementStatus, AgreementType, Level

TODAY = NOON.date()
LAST = TODAY.isoformat()
OVER = (TODAY - timedelta(days=1)).isoformat()
LINES: TypeAdapter[Any] = TypeAdapter(Transfers)


def going(transfer: Mapping[str, Any], *countries: str, partners: tuple[str, ...] = ()) -> Terms:
    """The parcel to a vendor in these countries, with companies that work for it in others."""
    companies = tuple(
        SubProcessor.model_validate({"name": "Last Mile", "country": each, "since": "2026-01-01"}) for each in partners
    )
    vendor = SHIP.vendor.model_copy(update={"countries": countries, "sub_processors": companies})
    lines = {key: LINES.validate_python(value) for key, value in transfer.items()}
    return changed(SHIP, vendor=vendor, transfer=lines)


def of(terms: Terms, jurisdiction: str, exporter: str = "DE", **known: Any) -> Question:
    agreed = {"c-89": (CONSENT,)} if jurisdiction == "CN" else {}
    return changed(
        asked(terms, facts=given(jurisdiction=jurisdiction, **{"consents": agreed} | known)), exporter=exporter
    )


def found(question: Question) -> list[str]:
    return list(dict.fromkeys(codes(question)))


def test_what_is_missing_for_several_people_in_the_same_words_is_said_once() -> None:
    assert codes(of(going({}, "US"), "DE")) == ["transfer.none"]


def test_what_stays_in_one_territory_crosses_no_border() -> None:
    clearance = clear(of(going({}, "FR", "NO"), "DE"))

    assert clearance.transfer == (("DE", "none_domestic"),)


@pytest.mark.parametrize("place", ["RE", "GP", "AX", "DE-BY"])
def test_what_belongs_to_a_member_of_the_union_is_under_its_law(place: str) -> None:
    open_to_all, certified = {"default": "none_domestic"}, {"EU": "scc", "default": "none_domestic"}

    assert found(of(going(open_to_all, "US"), place, exporter="US")) == ["transfer.none"]
    assert clear(of(going(certified, "US"), place)).transfer == ((place, "scc"),)
    assert clear(of(going({}, "FR"), place)).transfer == ((place, "none_domestic"),)
    assert clear(of(going({}, "RE"), place)).transfer == ((place, "none_domestic"),)


@pytest.mark.parametrize(
    ("law", "mechanism", "code"),
    [
        ("DE", "scc", ""),
        ("DE", "none_domestic", "transfer.none"),
        ("DE", "cn_standard_contract", "transfer.none"),
        ("DE", "uk_idta", "transfer.none"),
        ("GB", "scc", "transfer.none"),
        ("GB", "uk_idta", ""),
        ("GB", "uk_addendum", ""),
        ("CH", "scc", ""),
        ("CN", "scc", "transfer.none"),
        ("CN", "cn_standard_contract", ""),
        ("JP", "scc", "transfer.none"),
        ("JP", "jp_equivalent", ""),
        ("BR", "br_scc", ""),
        ("BR", "none_domestic", "transfer.none"),
        ("US-CA", "none_domestic", ""),
        ("AU", "scc", ""),
    ],
)
def test_a_law_takes_only_the_mechanisms_that_it_knows(law: str, mechanism: str, code: str) -> None:
    for terms in (going({"EU": "scc", law: mechanism}, "IN"), going({"EU": "scc", "default": mechanism}, "IN")):
        if law != "DE" or "DE" in terms.transfer:
            assert found(of(terms, law, exporter="")) == ([code] if code else [])


def test_where_a_company_stands_its_own_law_asks_too_whoever_the_data_is_about() -> None:
    without, beside = going({"US-CA": "none_domestic"}, "US"), going({"US-CA": "none_domestic", "EU": "scc"}, "US")

    assert found(of(without, "US-CA", exporter="DE")) == ["transfer.none"]
    assert found(of(without, "US-CA", exporter="US")) == []
    assert clear(of(beside, "US-CA", exporter="DE")).transfer == (("EU", "scc"), ("US-CA", "none_domestic"))


def test_a_line_speaks_of_the_company_and_the_country_that_it_names() -> None:
    lines = [{"mechanism": "scc", "to": ["IN"], "from": ["shop-eu"]}, {"mechanism": "adequacy", "to": ["JP"]}]

    assert clear(of(going({"EU": lines}, "IN", "JP"), "DE")).transfer == (("DE", "adequacy"), ("DE", "scc"))
    assert found(of(going({"EU": lines}, "IN", "KR"), "DE")) == ["transfer.none"]
    other = {"EU": [{"mechanism": "scc", "from": ["shop-uk"]}]}
    assert found(of(going(other, "IN"), "DE")) == ["transfer.none"]


def test_a_company_that_works_for_the_vendor_is_a_country_that_data_goes_to() -> None:
    lines = {"EU": [{"mechanism": "adequacy", "to": ["JP"]}]}

    assert found(of(going(lines, "JP", partners=("FR",)), "DE")) == []
    assert found(of(going(lines, "JP", partners=("FR", "US")), "DE")) == ["transfer.none"]


@pytest.mark.parametrize(
    ("country", "law", "refused"),
    [
        ("IN", "DE", ["transfer.undeclared"]),
        ("IN", "US-CA", ["transfer.undeclared"]),
        ("FR", "DE", []),
        ("FR", "US-CA", ["transfer.undeclared"]),
        ("JP", "DE", []),
    ],
    ids=[
        "abroad",
        "under any law",
        "no border",
        "a border for others",
        "the vendor's own country",
    ],
)
def test_what_a_vendor_announced_abroad_gets_nothing_from_its_day_on_until_somebody_decides(
    country: str, law: str, refused: list[str]
) -> None:
    """Whatever mechanism the file has: it was written for the countries that stand there."""
    terms = going({"EU": "scc", "default": "scc", "GB": "uk_addendum", "CN": "cn_certification"}, "JP")

    def at(since: date, state: State = "announced") -> Question:
        announced = {"parcels": (Announced("Letzte Meile AG", country, since, state),)}
        question = of(terms, law, exporter="", marks={})
        return changed(question, facts=changed(question.facts, papers=Papers(announced=announced)))

    assert found(at(TODAY)) == refused
    assert refused or clear(at(TODAY)).warnings == ("vendor.review_overdue",)
    for question in (at(TODAY + timedelta(days=1)), at(TODAY, "objected"), at(TODAY, "withdrawn")):
        assert (found(question), clear(question).warnings) == ([], ())


@pytest.mark.parametrize("level", list(Level))
def test_a_company_at_home_about_whom_nobody_has_decided_counts_like_an_overdue_review(level: Level) -> None:
    announced = {"parcels": (Announced("Letzte Meile AG", "DE", TODAY, "announced"),)}
    question = changed(asked(), facts=changed(given(), papers=Papers(announced=announced)))
    question = changed(question, levels={"vendor.review_overdue": level})

    assert found(question) == (["vendor.review_overdue"] if level is Level.REFUSE else [])
    if level is not Level.REFUSE:
        assert clear(question).warnings == (("vendor.review_overdue",) if level is Level.WARN else ())


@pytest.mark.parametrize(
    ("until", "beside", "code", "mechanism"),
    [
        (LAST, (), "", "dpf"),
        (OVER, (), "transfer.expired", ""),
        (OVER, ("scc",), "", "scc"),
        (LAST, ("scc",), "", "dpf"),
    ],
)
def test_a_certificate_holds_to_its_last_day_and_what_stands_behind_it_after(
    until: str, beside: tuple[str, ...], code: str, mechanism: str
) -> None:
    terms = going({"EU": [{"mechanism": "dpf", "until": until}, *beside]}, "US")

    assert found(of(terms, "DE")) == ([code] if code else [])
    if not code:
        assert clear(of(terms, "DE")).transfer == (("DE", mechanism),)


def test_a_certificate_of_american_companies_carries_nothing_elsewhere() -> None:
    assert found(of(going({"EU": {"mechanism": "dpf", "until": LAST}}, "IN"), "DE")) == ["transfer.none"]
    assert found(of(going({"CH": {"mechanism": "ch_dpf", "until": LAST}}, "US"), "CH", exporter="")) == []


@pytest.mark.parametrize(
    ("of_it", "code"),
    [
        ({}, ""),
        ({"until": TODAY - timedelta(days=1)}, "transfer.expired"),
        ({"until": TODAY - timedelta(days=1), "renewal": "P1Y"}, ""),
        ({"signed": TODAY + timedelta(days=1)}, "transfer.expired"),
        ({"status": AgreementStatus.DRAFTED}, "transfer.expired"),
        ({"entities": ("shop-uk",)}, "transfer.expired"),
        ({"id": "SCC-2"}, "transfer.none"),
    ],
)
def test_a_mechanism_that_rests_on_a_paper_holds_as_long_as_the_paper(of_it: dict[str, Any], code: str) -> None:
    terms = going({"EU": {"mechanism": "scc", "agreement": "SCC-1"}}, "US")
    [dpa] = terms.vendor.agreements
    scc = dpa.model_copy(update={"id": "SCC-1", "type": AgreementType.SCC, **of_it})
    signed = changed(terms, vendor=terms.vendor.model_copy(update={"agreements": (dpa, scc)}))

    assert found(of(signed, "DE")) == ([code] if code else [])


@pytest.mark.parametrize(("law", "mechanism"), [("JP", "jp_consent"), ("DE", "derogation_consent")])
@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((), "consent.missing"),
        ((changed(CONSENT, explicit=False),), "consent.scope"),
        ((changed(CONSENT, vendor="payments"),), "consent.scope"),
        ((CONSENT,), ""),
    ],
)
def test_what_crosses_on_consent_needs_everybodys_explicit_consent(
    law: str, mechanism: str, answers: tuple[Consent, ...], code: str
) -> None:
    terms = going({"EU": "scc", law: mechanism}, "US")
    consents = {ref: answers for ref in ("c-88", "c-89") if answers}

    assert found(of(terms, law, exporter="", consents=consents)) == ([code] if code else [])
    one = {"c-88": (CONSENT,)}
    assert found(of(terms, law, exporter="", consents=one)) == ["consent.missing"]


@pytest.mark.parametrize(("mechanism", "asks"), [("derogation_consent", True), ("scc", False)])
def test_where_nothing_but_the_crossing_rests_on_consent_what_people_said_is_looked_up(
    mechanism: str, asks: bool
) -> None:
    terms = going({"EU": mechanism}, "US")

    assert needs_consents(changed(terms, subjects=(), sending=changed(terms.sending, groups=()))) is asks


def test_where_the_law_is_unknown_the_laws_of_all_markets_are_satisfied_at_once() -> None:
    lines = {"EU": "scc", "GB": "uk_addendum", "CN": "cn_standard_contract"}
    consents = {"c-89": (CONSENT,)}

    clearance = clear(of(going(lines, "US"), "unknown", consents=consents))

    assert clearance.transfer == (("unknown", "cn_standard_contract"), ("unknown", "scc"), ("unknown", "uk_addendum"))
    for law in lines:
        left = {key: mechanism for key, mechanism in lines.items() if key != law}
        assert found(of(going(left, "US"), "unknown", consents=consents)) == ["transfer.none"]


def test_the_end_of_a_certificate_can_be_told_before_it_comes() -> None:
    terms = going({"EU": [{"mechanism": "dpf", "until": LAST}, "scc"]}, "US")

    assert [(each.name, each.last) for each in ends(terms, TODAY) if each.what == "transfer"] == [("dpf for EU", TODAY)]
    assert not [each for each in ends(terms, TODAY + timedelta(days=1)) if each.what == "transfer"]


@pytest.mark.parametrize(
    ("lines", "is_gift", "codes_of_it", "on"),
    [
        (["derogation_contract"], False, [], {"derogation_contract"}),
        (["derogation_contract"], True, ["transfer.none"], set()),
        (["derogation_interest_of_subject"], True, [], {"derogation_interest_of_subject"}),
        (
            ["derogation_contract", "derogation_interest_of_subject"],
            True,
            [],
            {"derogation_contract", "derogation_interest_of_subject"},
        ),
        (["derogation_contract", "derogation_interest_of_subject"], False, [], {"derogation_contract"}),
    ],
)
def test_who_gets_a_gift_crosses_the_border_on_no_contract_of_theirs(
    lines: list[str], is_gift: bool, codes_of_it: list[str], on: set[str]
) -> None:
    question = of(going({"EU": lines}, "US"), "DE")
    gift = changed(question, facts=changed(question.facts, is_gift=is_gift))

    assert found(gift) == codes_of_it
    if not codes_of_it:
        assert {mechanism for _, mechanism in clear(gift).transfer} == on


def test_a_route_of_somebody_who_bought_is_not_that_of_who_gets_a_gift() -> None:
    terms = going({"EU": ["derogation_contract"]}, "US")
    question = of(terms, "DE")
    standing = stand(terms, question.policy, question.entity, question.now, question.exporter)

    bought = changed(question, standing=standing)
    assert found(bought) == []
    assert found(changed(bought, facts=changed(question.facts, is_gift=True))) == ["transfer.none"]
