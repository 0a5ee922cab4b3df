"""The report of who received somebody's data, as a page to print and as CSV."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from io import StringIO
from typing import Any, Final, Literal

from gateway.rights.asked import Word
from gateway.rights.disclosures import BasisTold, CategoryTold, Company, Disclosure, NoticeTold
from gateway.rights.report import Report
from gateway.vocabulary.labels import Label
from gateway.vocabulary.notices import Cause, NoticeState
from gateway.vocabulary.wording import CAUSE_LABELS, IDENTITY_LABELS, NOTICE_STATE_LABELS

Language = Literal["en", "zh"]
# With these a spreadsheet begins a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "section{border-top:1px solid #999;padding:.6rem 0;break-inside:avoid}h2{margin:.2rem 0;font-size:1.1rem}"
    "dt{font-weight:600;float:left;clear:left;width:13rem}dd{margin-left:14rem}"
    "@media print{body{margin:0;max-width:none}}"
)

_ARRIVED: Final[Mapping[str, Label]] = {
    "yes": Label("yes", "是"),
    "possibly": Label("nobody knows; counted as yes", "不确定 按已送达计"),
}


def _when(line: Disclosure, language: Language) -> str:
    return _said("between", language).join(dict.fromkeys(map(_moment, (line.first, line.last))))


COLUMNS: Final[Mapping[str, tuple[Label, Callable[[Disclosure, Language], str]]]] = {
    "when": (Label("When", "时间"), _when),
    "count": (Label("How often", "次数"), lambda line, _: str(line.count)),
    "recipient": (Label("Recipient", "接收方"), lambda line, _: _company(line.recipient)),
    "countries": (Label("Countries", "国家"), lambda line, _: ", ".join(line.countries)),
    "role": (Label("What the recipient is", "接收方性质"), lambda line, lang: _words([line.kind, line.role], lang)),
    "controller": (Label("Disclosed by", "披露方"), lambda line, _: _company(line.controller)),
    "purpose": (Label("What for", "目的"), lambda line, lang: _word(line.purpose, lang)),
    "about": (Label("About", "涉及"), lambda line, lang: _words(line.about, lang)),
    "categories": (
        Label("What, and in which form", "信息种类及形式"),
        lambda line, lang: _kinds(line.categories, lang),
    ),
    "bases": (Label("On which basis", "法律依据"), lambda line, lang: _bases(line.bases, lang)),
    "rights": (Label("What you may ask for", "您的权利"), lambda line, lang: _rights(line.bases, lang)),
    "safeguards": (Label("Safeguards abroad", "跨境保障"), lambda line, lang: _words(line.safeguards, lang)),
    "keeps": (
        Label("Kept by the recipient for", "接收方保存期限"),
        lambda line, lang: _duration(line.keeps or "", lang),
    ),
    "orders": (Label("Your order", "您的订单"), lambda line, _: ", ".join(line.orders)),
    "others": (Label("Also about, not shown here", "同时涉及 (不显示)"), lambda line, lang: _words(line.others, lang)),
    "arrived": (Label("Arrived", "是否送达"), lambda line, lang: _ARRIVED[line.arrived][lang == "zh"]),
    "channel": (Label("Way", "渠道"), lambda line, lang: _word(line.channel, lang)),
    "notices": (Label("Told since", "后续通知"), lambda line, lang: _notices(line.notices, lang)),
}
_UNITS: Final[Mapping[str, Label]] = {"Y": Label("year", "年"), "M": Label("month", "个月"), "D": Label("day", "天")}
_DURATION: Final = re.compile(r"(\d+)([YMD])")
_WORDS: Final[Mapping[str, Label]] = {
    "title": Label("Who received your data", "谁接收了您的个人信息"),
    "report": Label("Report", "报告编号"),
    "made": Label("Made", "生成时间"),
    "identity": Label("Checked who asks by", "身份核验方式"),
    "period": Label("Period", "期间"),
    "policy": Label("Privacy policy", "隐私政策版本"),
    "whole": Label("everything", "全部"),
    "nothing": Label("Nobody received anything, as far as this report reaches.", "在本报告范围内没有披露。"),
    "complete": Label("complete since", "完整自"),
    "between": Label(" to ", " 至 "),
}


def html(report: Report, language: Language) -> str:
    """Loads nothing from anywhere, and every text is escaped."""
    title = escape(_said("title", language))
    body = "\n".join([*_head(report, language), *_sections(report.disclosures, language), *_foot(report, language)])
    tag = "zh-CN" if language == "zh" else language
    return (
        f'<!doctype html>\n<html lang="{tag}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def as_csv(report: Report, language: Language) -> str:
    """RFC 4180, below lines with `#` that say what it is."""
    text = StringIO()
    for name, value in _about(report, language):
        text.write(f"# {name}: {value}\r\n")
    for channel in report.channels:
        since = channel.complete_since.isoformat() if channel.complete_since else "-"
        text.write(f"# {channel.channel}: {_said('complete', language)} {since}\r\n")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for line in report.disclosures:
        rows.writerow(_harmless(cell(line, language)) for _, cell in COLUMNS.values())
    return text.getvalue()


def _about(report: Report, language: Language) -> Iterator[tuple[str, str]]:
    whole = report.since is None and report.until is None
    days = (day.isoformat() if day else "…" for day in (report.since, report.until))
    period = _said("whole", language) if whole else _said("between", language).join(days)
    yield _said("report", language), report.report
    yield _said("made", language), _moment(report.made)
    yield _said("identity", language), IDENTITY_LABELS[report.identity][language == "zh"]
    yield _said("period", language), period
    yield _said("policy", language), report.policy or ""


def _head(report: Report, language: Language) -> Iterator[str]:
    yield "<dl>"
    for name, value in _about(report, language):
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    for channel in report.channels:
        since = f" ({_said('complete', language)} {_moment(channel.complete_since)})" if channel.complete_since else ""
        yield f"<p>{escape(_word(channel.said, language) + since)}</p>"


def _sections(lines: Sequence[Disclosure], language: Language) -> Iterator[str]:
    if not lines:
        yield f"<p>{escape(_said('nothing', language))}</p>"
    for line in lines:
        yield f"<section><h2>{escape(line.recipient.name)}</h2><dl>"
        for label, cell in COLUMNS.values():
            if value := cell(line, language):
                yield f"<dt>{escape(label[language == 'zh'])}</dt><dd>{escape(value)}</dd>"
        yield "</dl></section>"


def _foot(report: Report, language: Language) -> Iterator[str]:
    for word in (report.copies, report.complaint):
        yield f"<p>{escape(_word(word, language))}</p>"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _company(company: Company) -> str:
    return ", ".join(filter(None, (company.name, company.registration, company.address, company.contact)))


def _kinds(categories: Iterable[CategoryTold], language: Language) -> str:
    """In which form each left; where a category left for something else or on another basis, for what and on which."""
    told = ((each, (*each.forms, *each.purposes, *each.bases)) for each in categories)
    return "; ".join(f"{_word(each, language)} ({_words(words, language)})" for each, words in told)


def _bases(bases: Iterable[BasisTold], language: Language) -> str:
    return "; ".join(_cited(each, each.laws, language) for each in bases)


def _rights(bases: Iterable[BasisTold], language: Language) -> str:
    return "; ".join(dict.fromkeys(_cited(right, right.laws, language) for basis in bases for right in basis.rights))


def _cited(word: Word, laws: Sequence[str], language: Language) -> str:
    """What is said, and where it stands in law, if that is known."""
    return f"{_word(word, language)} ({', '.join(laws)})" if laws else _word(word, language)


def _duration(text: str, language: Language) -> str:
    """A duration of ISO 8601 in years, months and days as people say it."""
    zh = language == "zh"
    told = ((int(number), _UNITS[unit]) for number, unit in _DURATION.findall(text))
    return " ".join(f"{count}{unit.zh}" if zh else f"{count} {unit.en}{'s' * (count != 1)}" for count, unit in told)


def _notices(notices: Iterable[NoticeTold], language: Language) -> str:
    zh = language == "zh"
    told = ((CAUSE_LABELS[Cause(each.cause)][zh], NOTICE_STATE_LABELS[NoticeState(each.state)][zh]) for each in notices)
    return "; ".join(f"{cause}: {state}" for cause, state in told)


def _words(words: Iterable[Word | None], language: Language) -> str:
    return ", ".join(_word(each, language) for each in words if each)


def _word(word: Word, language: Language) -> str:
    return word.zh if language == "zh" else word.en


def _said(name: str, language: Language) -> str:
    return _WORDS[name][language == "zh"]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


WRITTEN: Final[Mapping[str, tuple[str, Callable[[Report, Any], str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "html": ("text/html; charset=utf-8", html),
}
"""The forms beside JSON: their media types, and how they are written."""
