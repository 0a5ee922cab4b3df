"""The report as people read it: durations, laws and what vendors were told are words, in both languages."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from gateway.rights.asked import Word
from gateway.rights.disclosures import BasisTold, Company, Disclosure, NoticeTold, RightTold
from gateway.rights.page import COLUMNS, Language, as_csv, html
from gateway.rights.report import Report
from gateway.vocabulary import BASES
from gateway.vocabulary.notices import Cause, NoticeState
from gateway.vocabulary.people import Verified
from gateway.vocabulary.wording import CAUSE_LABELS, IDENTITY_LABELS, NOTICE_STATE_LABELS, RIGHTS_IN_CHINA

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
A = Word(code="a", en="an a", zh="甲")
SHOP = Company(name="Shop GmbH", registration="", address="DE", contact="")


def disclosure(**members: object) -> Disclosure:
    usual: dict[str, object] = {
        "first": NOON, "last": NOON, "count": 1, "arrived": "yes", "channel": A, "controller": SHOP, "recipient": SHOP,
        "kind": A, "role": A, "countries": (), "purpose": A, "about": (), "categories": (), "bases": (),
        "safeguards": (), "keeps": None, "orders": (), "others": (),
    }  # fmt: skip
    return Disclosure.model_validate({**usual, **members})


def cell(name: str, line: Disclosure, language: Language) -> str:
    return COLUMNS[name][1](line, language)


@pytest.mark.parametrize(
    ("keeps", "en", "zh"),
    [
        ("P1D", "1 day", "1天"),
        ("P90D", "90 days", "90天"),
        ("P1Y", "1 year", "1年"),
        ("P2Y6M", "2 years 6 months", "2年 6个月"),
        (None, "", ""),
    ],
)
def test_how_long_it_is_kept_is_said_in_words(keeps: str | None, en: str, zh: str) -> None:
    line = disclosure(keeps=keeps)

    assert (cell("keeps", line, "en"), cell("keeps", line, "zh")) == (en, zh)


def test_a_series_has_its_first_and_last_time_in_the_language_of_the_report() -> None:
    series, once = disclosure(last=NOON.replace(day=17)), disclosure()

    assert cell("when", series, "en") == "2026-06-15 12:00 UTC to 2026-06-17 12:00 UTC"
    assert cell("when", series, "zh") == "2026-06-15 12:00 UTC 至 2026-06-17 12:00 UTC"
    assert cell("when", once, "zh") == "2026-06-15 12:00 UTC"


def test_where_a_basis_and_a_right_stand_is_cited_only_where_it_is_known() -> None:
    right = RightTold(code="15", en="see your data", zh="查阅", laws=("GDPR 15", "PIPL 45"))
    cited = BasisTold(code="a", en="a duty", zh="义务", laws=("GDPR 6(1)(c)", "PIPL 13(3)"), rights=(right,))
    plain = cited.model_copy(update={"laws": (), "rights": (right.model_copy(update={"laws": ()}),)})

    shown = [[cell(name, disclosure(bases=(each,)), "en") for name in ("bases", "rights")] for each in (cited, plain)]

    assert shown == [
        ["a duty (GDPR 6(1)(c), PIPL 13(3))", "see your data (GDPR 15, PIPL 45)"],
        ["a duty", "see your data"],
    ]


def test_what_recipients_were_told_is_said_in_the_language_of_the_report() -> None:
    line = disclosure(notices=(NoticeTold(cause="erasure", state="confirmed", due=NOON),))

    assert cell("notices", line, "en") == "to erase your data: done, as the recipient says"
    assert cell("notices", line, "zh") == "删除您的信息: 接收方确认已完成"


def test_every_word_that_a_report_can_hold_is_there() -> None:
    assert set(IDENTITY_LABELS) == {*Verified, "token"}
    assert set(CAUSE_LABELS) == set(Cause)
    assert set(NOTICE_STATE_LABELS) == set(NoticeState)
    assert set(RIGHTS_IN_CHINA) == {right for term in BASES.values() for right in term.rights}


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("identity", IDENTITY_LABELS)
def test_how_it_was_checked_who_asks_is_said_in_words(identity: str, language: Language) -> None:
    report = Report(
        report="r", made=NOON, identity=identity, since=None, until=None, policy="1", signed_entries=1, channels=(),
        disclosures=(), copies=A, complaint=A,
    )  # fmt: skip

    said = IDENTITY_LABELS[identity][language == "zh"]

    assert said in html(report, language)
    assert said in as_csv(report, language)
