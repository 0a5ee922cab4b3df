"""Pages that everybody may read: the policy in force, its history, and who receives data for what.

Made from the contracts and agreements in force at the moment they are asked for, in English and in Chinese.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from gateway.clearance import Registered, is_in_use, published, version_in_force
from gateway.contract.load import ContractSet
from gateway.contract.model import Policy, PolicyVersion, Vendor
from gateway.contract.terms import Origin, Rule, Terms
from gateway.contract.versions import Change, changes, received
from gateway.registry.facts import NO_PAPERS, Papers
from gateway.vocabulary import FORMS_FOR_ANY, Category, LegalBasis, Level, Purpose, VendorKind
from gateway.vocabulary.labels import (
    BASIS_LABELS,
    CATEGORY_LABELS,
    CHANNEL_LABELS,
    FORM_LABELS,
    KIND_LABELS,
    PURPOSE_LABELS,
    ROLE_LABELS,
    Label,
)

Language = Literal["en", "zh"]
Page = dict[str, Any]
Word = TypeVar("Word", bound=StrEnum)

_FIELDS: Final[Mapping[str, type[StrEnum]]] = {"purposes": Purpose, "vendor_kinds": VendorKind}
_LABELS: Final[Mapping[type[StrEnum], Mapping[Any, Label]]] = {
    Purpose: PURPOSE_LABELS,
    VendorKind: KIND_LABELS,
    Category: CATEGORY_LABELS,
}
_WORDS: Final[Mapping[str, Label]] = {
    "recipients": Label("Who receives data, and what for", "谁接收信息及其目的"),
    "policy": Label("Privacy policy", "隐私政策"),
    "history": Label("Earlier versions of the privacy policy", "隐私政策历史版本"),
    "version": Label("version", "版本"),
    "published": Label("published", "发布时间"),
    "purposes": Label("What data is used for", "使用目的"),
    "vendor_kinds": Label("Whom data may be shared with", "可共享的合作方"),
    "receives": Label("What they may receive", "可接收的信息"),
    "contact": Label("contact", "联系方式"),
    "countries": Label("countries", "所在国家"),
    "added": Label("new", "新增"),
    "removed": Label("gone", "移除"),
    "nobody": Label("Nobody, at the moment.", "目前没有。"),
    "none": Label("No version is published yet.", "尚未发布。"),
}


def recipients(contracts: ContractSet, now: datetime, levels: Mapping[str, Level], papers: Papers = NO_PAPERS) -> Page:
    """Every vendor to which something may go now: what, in which form, for what, and on which grounds."""
    live: dict[str, list[Terms]] = {}
    for terms in contracts.terms:
        if is_in_use(terms, contracts.policy, contracts.entities.entities, now, papers, levels):
            live.setdefault(terms.vendor.vendor, []).append(terms)
    version = version_in_force(contracts.policy, now, papers.versions)
    found = [_recipient(contracts.vendors[name], live[name]) for name in sorted(live)]
    return {"policy": version.version if version else None, "recipients": found}


def _recipient(vendor: Vendor, operations: Sequence[Terms]) -> Page:
    company = vendor.legal_entity
    uses: dict[Purpose, list[tuple[Terms, Rule]]] = {}
    for terms in operations:
        for rule in terms.sending.rules:
            if rule.origin is Origin.GROUP and rule.form.name not in FORMS_FOR_ANY:
                uses.setdefault(terms.sending.groups[rule.group].purpose, []).append((terms, rule))
    return {
        "name": company.name,
        "registration": company.registration,
        "address": company.address,
        "contact": company.contact,
        "kind": _labelled(vendor.kind, KIND_LABELS),
        "role": _labelled(vendor.role, ROLE_LABELS),
        "countries": list(vendor.countries),
        "uses": [_use(purpose, uses[purpose]) for purpose in sorted(uses)],
    }


def _use(purpose: Purpose, rules: Sequence[tuple[Terms, Rule]]) -> Page:
    forms: dict[Category, set[str]] = {}
    bases: set[LegalBasis] = set()
    for terms, rule in rules:
        if rule.category is Category.NOT_PERSONAL:
            continue
        forms.setdefault(rule.category, set()).add(rule.form.name)
        own = terms.sending.groups[rule.group].bases
        given = [own] if own else [subject.bases for subject in terms.subjects if subject.role in rule.roles]
        bases |= {basis for each in given for basis in each.values()}
    channels = sorted({terms.operation.channel for terms, _ in rules}, reverse=True)
    return {
        "purpose": _labelled(purpose, PURPOSE_LABELS),
        "channels": [{"code": channel} | CHANNEL_LABELS[channel]._asdict() for channel in channels],
        "categories": [
            _labelled(each, CATEGORY_LABELS)
            | {"forms": [{"code": form} | FORM_LABELS[form]._asdict() for form in sorted(forms[each])]}
            for each in sorted(forms)
        ],
        "legal_bases": [_labelled(basis, BASIS_LABELS) for basis in sorted(bases)],
    }


def policy(of: Policy, now: datetime, registered: Registered = ()) -> Page:
    """The version in force, or one with nothing but None where none is published yet."""
    version = version_in_force(of, now, registered)
    if version is None:
        return {"version": None}
    return _version(version, of.time_zone) | {"markets": list(of.markets)}


def history(of: Policy, now: datetime, registered: Registered = ()) -> Page:
    """Every version that was published, the newest first, with what each brought and took away."""
    versions = published(of, now, registered)
    pages = [
        _version(new, of.time_zone) | {"changes": _changes(old, new)}
        for old, new in zip([None, *versions], versions, strict=False)
    ]
    return {"versions": pages[::-1]}


def _version(version: PolicyVersion, time_zone: str) -> Page:
    return {
        "version": version.version,
        "published": version.published.astimezone(ZoneInfo(time_zone)).isoformat(timespec="seconds"),
        "document": version.document,
        "purposes": [_labelled(each, PURPOSE_LABELS) for each in version.purposes],
        "vendor_kinds": [_labelled(each, KIND_LABELS) for each in version.vendor_kinds],
        "receives": [
            _labelled(kind, KIND_LABELS)
            | {"categories": [_labelled(each, CATEGORY_LABELS) for each in received(version, kind)]}
            for kind in version.vendor_kinds
            if kind in version.receives
        ],
    }


def _changes(old: PolicyVersion | None, new: PolicyVersion) -> Page:
    """By field what is new and what is gone; `receives` is what a kind of vendor may have, where that changed."""
    found = {each.field: each for each in changes(old, new)}
    told: Page = {field: _told(found.get(field), word) for field, word in _FIELDS.items()}
    return told | {field: _told(each, Category) for field, each in found.items() if field.startswith("receives.")}


def _told(change: Change | None, word: type[StrEnum]) -> Page:
    labels = _LABELS[word]
    return {
        "added": [_labelled(word(each), labels) for each in (change.added if change else ())],
        "removed": [_labelled(word(each), labels) for each in (change.removed if change else ())],
    }


def _labelled(word: Word, labels: Mapping[Word, Label]) -> Page:
    return {"code": word.value} | labels[word]._asdict()


# As pages of HTML: nothing is loaded from anywhere, and every text is escaped.


def html(kind: str, page: Page, language: Language) -> str:
    """A page of `recipients`, `policy` or `history` for people."""
    title = escape(getattr(_WORDS[kind], language))
    body = "\n".join(_BODIES[kind](page, language))
    tag = "zh-CN" if language == "zh" else language
    return (
        f'<!doctype html>\n<html lang="{tag}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-bottom:.2rem}p{margin:.2rem 0}@media print{body{margin:0}}"
)


def _recipients_html(page: Page, language: Language) -> Iterator[str]:
    if not page["recipients"]:
        yield _text("nobody", language)
    for each in page["recipients"]:
        yield f"<h2>{escape(each['name'])}</h2>"
        yield f"<p>{escape(each['kind'][language])} · {escape(each['role'][language])}</p>"
        where = (
            f"{escape(each['address'])} · {_word('countries', language)}: {', '.join(map(escape, each['countries']))}"
        )
        yield f"<p>{where} · {_word('contact', language)}: {escape(each['contact'])}</p>"
        yield "<ul>"
        for use in each["uses"]:
            categories = ", ".join(_category(category, language) for category in use["categories"])
            bases = ", ".join(escape(basis[language]) for basis in use["legal_bases"])
            after = f" ({bases})" if bases else ""
            after += "".join(f" · {escape(each[language])}" for each in use["channels"] if each["code"] == "direct")
            yield f"<li><b>{escape(use['purpose'][language])}</b>: {categories}{after}</li>"
        yield "</ul>"


def _category(category: Page, language: Language) -> str:
    forms = ", ".join(form[language] for form in category["forms"] if form["code"] != "as_is")
    return escape(category[language] + (f" ({forms})" if forms else ""))


def _policy_html(page: Page, language: Language) -> Iterator[str]:
    if page["version"] is None:
        yield _text("none", language)
        return
    yield f"<p>{_word('version', language)} {escape(page['version'])}</p>"
    yield f"<p>{_word('published', language)} {page['published']}</p>"
    for part in ("purposes", "vendor_kinds"):
        items = "".join(f"<li>{escape(each[language])}</li>" for each in page[part])
        yield f"<h2>{_word(part, language)}</h2><ul>{items}</ul>"
    if page["receives"]:
        items = "".join(
            f"<li><b>{escape(each[language])}</b>: {', '.join(escape(it[language]) for it in each['categories'])}</li>"
            for each in page["receives"]
        )
        yield f"<h2>{_word('receives', language)}</h2><ul>{items}</ul>"


def _history_html(page: Page, language: Language) -> Iterator[str]:
    if not page["versions"]:
        yield _text("none", language)
    for each in page["versions"]:
        yield f"<h2>{_word('version', language)} {escape(each['version'])}</h2>"
        yield f"<p>{_word('published', language)} {each['published']} · <code>{escape(each['document'])}</code></p><ul>"
        for part, told in each["changes"].items():
            for change, words in told.items():
                if words:
                    listed = ", ".join(escape(word[language]) for word in words)
                    yield f"<li>{_part(part, language)}, {_word(change, language)}: {listed}</li>"
        yield "</ul>"


def _part(name: str, language: Language) -> str:
    """A field of a version in words; of `receives.KIND` also whose."""
    part, _, kind = name.partition(".")
    return _word(part, language) + (f" ({escape(getattr(KIND_LABELS[VendorKind(kind)], language))})" if kind else "")


def _word(name: str, language: Language) -> str:
    return escape(getattr(_WORDS[name], language))


def _text(name: str, language: Language) -> str:
    return f"<p>{_word(name, language)}</p>"


_BODIES: Final[Mapping[str, Callable[[Page, Language], Iterator[str]]]] = {
    "recipients": _recipients_html,
    "policy": _policy_html,
    "history": _history_html,
}
