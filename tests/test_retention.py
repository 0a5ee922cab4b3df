"""Nothing is kept for less time than the law asks for, and nothing goes a day too early."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_contracts import FILES, POLICY, read_files

from gateway.retention import RULES, RetentionClass, days, kept

DATES = st.dates(date(1990, 1, 1), date(2090, 12, 31))


def test_every_class_has_a_rule_and_no_default_is_below_the_minimum() -> None:
    assert RULES.keys() == set(RetentionClass)
    assert all(days(rule.default) >= days(rule.minimum) for rule in RULES.values())


def test_least_and_usual_times_are_those_that_were_written_down_by_hand() -> None:
    by_hand = """routine P3Y P5Y, exceptional P6Y P6Y, legal_request P6Y P6Y, rights_request P24M P3Y, consent P3Y P3Y,
        operation P1Y P2Y, refusal P90D P1Y"""
    lines = {name: (least, usual) for name, least, usual in map(str.split, by_hand.split(","))}

    assert {each.value: (rule.minimum, rule.default) for each, rule in RULES.items()} == lines


@pytest.mark.parametrize(
    ("duration", "expected"), [("P90D", 90), ("P2W", 14), ("P18M", 558), ("P5Y", 1830), ("P1Y1M1W1D", 366 + 31 + 8)]
)
def test_a_duration_is_a_number_of_days(duration: str, expected: int) -> None:
    assert days(duration) == expected


@pytest.mark.parametrize("duration", ["5Y", "PT5H", "P5Y ", "P-1Y", ""])
def test_what_is_no_duration_of_days_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        days(duration)


@given(start=DATES, years=st.integers(1, 10))
def test_years_are_never_shorter_than_those_of_the_calendar(start: date, years: int) -> None:
    same_day = (start + timedelta(1)).replace(day=1) if (start.month, start.day) == (2, 29) else start

    assert start + timedelta(days(f"P{years}Y")) >= same_day.replace(year=same_day.year + years)


def test_what_is_stated_holds_and_the_rest_is_as_the_rules_have_it() -> None:
    keeps = kept({RetentionClass.REFUSAL: "P120D"})

    assert (keeps[RetentionClass.REFUSAL], keeps[RetentionClass.ROUTINE]) == ("P120D", "P5Y")


@pytest.mark.parametrize(
    ("stated", "code", "said"),
    [
        ("{routine: P2Y}", "contract.retention", "`routine` is kept for P2Y, and the least is P3Y (PIPL Art. 56"),
        ("{refusal: P89D, routine: P7Y}", "contract.retention", "`refusal` is kept for P89D"),
        ("{forever: P7Y}", "contract.value", ""),
        ("{routine: 7 years}", "contract.value", "write a duration"),
    ],
)
def test_a_policy_that_keeps_too_little_does_not_load(tmp_path: Path, stated: str, code: str, said: str) -> None:
    contracts, findings = read_files(tmp_path, FILES | {"policy.yaml": f"{POLICY}retention: {stated}\n"})

    assert contracts is None
    [finding] = findings
    assert (finding.code, finding.file, finding.line) == (code, "policy.yaml", 9)
    assert said in finding.message


def test_a_policy_that_keeps_enough_loads(tmp_path: Path) -> None:
    contracts, _ = read_files(
        tmp_path, FILES | {"policy.yaml": f"{POLICY}retention: {{routine: P3Y, refusal: P90D}}\n"}
    )

    assert contracts is not None
    assert contracts.policy.retention == {RetentionClass.ROUTINE: "P3Y", RetentionClass.REFUSAL: "P90D"}
