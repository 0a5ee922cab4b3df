"""What may go about somebody is what their calls would be cleared for."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from clearances import placed
from shop_contracts import FILES
from small_contracts import read_files

from gateway.contract.load import ContractSet
from gateway.registry.facts import NO_PAPERS, Consent, Mark, Papers, Review
from gateway.rights.uses import Somebody, Use, uses
from gateway.vocabulary import Category, ConsentState, Flag, LegalBasis, Level, Purpose, SubjectRole

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
YES = Consent(Purpose.DELIVERY_NOTIFICATION, "parcels", ConsentState.GIVEN, explicit=False, expires=None, record="r")


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> ContractSet:
    contracts, findings = read_files(tmp_path_factory.mktemp("uses"), placed(FILES))
    assert contracts is not None, findings
    return contracts


def of(
    contracts: ContractSet,
    *consents: Consent,
    marks: tuple[Mark, ...] = (),
    law: str = "DE",
    levels: Mapping[str, Level] = {},
    papers: Papers = NO_PAPERS,
) -> frozenset[Use]:
    somebody = Somebody("c-1", law, frozenset({SubjectRole.CONSIGNEE}), consents, marks)
    return uses(contracts, somebody, NOW, levels, papers)


def test_a_consent_brings_what_rests_on_it_and_nothing_else(contracts: ContractSet) -> None:
    without, with_it = of(contracts), of(contracts, YES)

    [brought] = with_it - without
    assert (brought.purpose, brought.basis) == (Purpose.DELIVERY_NOTIFICATION, LegalBasis.CONSENT)
    assert brought.categories == (Category.CONTACT_EMAIL,)
    assert without < with_it


def test_it_is_only_about_the_roles_that_the_person_has(contracts: ContractSet) -> None:
    assert {use.role for use in of(contracts, YES)} == {SubjectRole.CONSIGNEE}


@pytest.mark.parametrize("flag", [Flag.RESTRICTED, Flag.ERASED])
def test_about_somebody_who_is_restricted_nothing_goes(contracts: ContractSet, flag: Flag) -> None:
    assert of(contracts, YES, marks=(Mark(flag, None, None, NOW),)) == frozenset()


def test_an_objection_ends_what_rests_on_our_own_interest(contracts: ContractSet) -> None:
    objected = of(contracts, YES, marks=(Mark(Flag.OBJECTED, None, None, NOW),))

    assert LegalBasis.LEGITIMATE_INTEREST in {use.basis for use in of(contracts)}
    assert LegalBasis.LEGITIMATE_INTEREST not in {use.basis for use in objected}


def test_where_the_law_knows_no_such_basis_it_needs_another(contracts: ContractSet) -> None:
    assert {use.operation for use in of(contracts, law="CN")} < {use.operation for use in of(contracts)} | {"ship"}
    assert all(use.basis is not LegalBasis.LEGITIMATE_INTEREST for use in of(contracts, law="CN"))


def test_before_any_policy_is_published_nothing_goes(tmp_path: Path, contracts: ContractSet) -> None:
    early = datetime(2024, 6, 15, tzinfo=UTC)
    somebody = Somebody("c-1", "DE", frozenset(SubjectRole), (YES,), ())

    assert uses(contracts, somebody, early, {}) == frozenset()


LATE = Papers(reviews={"parcels": Review(date(2026, 1, 1), date(2026, 6, 14))})


@pytest.mark.parametrize("level", [Level.OFF, Level.WARN], ids=["off", "warn"])
def test_what_is_only_noted_stops_nothing_that_goes(contracts: ContractSet, level: Level) -> None:
    inactive = (Mark(Flag.INACTIVE, None, None, NOW),)

    assert "parcels" in {use.vendor for use in of(contracts, YES)}
    assert of(contracts, YES, papers=LATE, levels={"vendor.review_overdue": level}) == of(contracts, YES)
    assert of(contracts, YES, marks=inactive, levels={"subject.inactive": level}) == of(contracts, YES)


def test_what_the_settings_have_refuse_goes_to_nobody(contracts: ContractSet) -> None:
    inactive = (Mark(Flag.INACTIVE, None, None, NOW),)
    late = of(contracts, YES, papers=LATE, levels={"vendor.review_overdue": Level.REFUSE})

    assert "parcels" not in {use.vendor for use in late}
    assert of(contracts, YES, marks=inactive) == frozenset()
