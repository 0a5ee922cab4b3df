"""The reference of the contract language says what the code does: its tables are compared with models and words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.contract import activities, model, papers, sign
from gateway.contract.form import KINDS, PLAIN, WITH_ARGUMENT
from gateway.contract.words import Block
from gateway.errors import CODES
from gateway.retention import RULES
from gateway.vocabulary import (
    ALLOWANCE,
    BASES,
    CLAUSES_NEEDED,
    PURPOSES,
    AgreementType,
    Allowed,
    Category,
    Commercial,
    LegalBasis,
    Purpose,
    SubjectRole,
    TransferMechanism,
    VendorKind,
    VendorRole,
    Verdict,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contracts.md").read_text("utf-8")
MODELS: Mapping[str, type[BaseModel]] = {
    "The operation file": model.Operation,
    "Subjects": model.Subject,
    "Earlier": model.Earlier,
    "Evidence": model.Evidence,
    "Retention": model.Retention,
    "Limits": model.Limits,
    "Retry": model.Retry,
    "Sending": model.Sending,
    "Batch": model.Batch,
    "Nested": model.Nested,
    "Groups": model.Group,
    "Answer": model.Answer,
    "Errors": model.ErrorAnswer,
    "Examples": model.Example,
    "File": model.File,
    "The vendor file": model.Vendor,
    "Legal entity": model.LegalEntity,
    "Sub-processors": model.SubProcessor,
    "Agreements": papers.Agreement,
    "Lapses": papers.OnLapse,
    "Transfers": papers.Transfer,
    "Environments": model.Environment,
    "Client certificates": model.ClientCertificate,
    "Signing in": model.OAuth,
    "Attests": model.Attests,
    "Hooks": model.Hook,
    "Hook signatures": sign.HookSignature,
    "Receiving": model.Receiving,
    "Keeps by law": model.KeepsByLaw,
    "Notices": model.Notices,
    "Scheme hmac-sha256-body": sign.HmacSha256,
    "Scheme rsa-sha256-params": sign.Alipay,
    "Scheme rsa-sha256-request": sign.WechatPay,
    "Scheme aws-sigv4": sign.AwsSigV4,
    "Policy": model.Policy,
    "Policy versions": model.PolicyVersion,
    "Entities": model.Entities,
    "Companies": model.Entity,
    "Activities": activities.Activities,
    "Purposes of activities": activities.Activity,
    "Officers": activities.Officers,
}
# `category` is a key of groups that the model turns into the categories of `fields`.
EXTRA = {"Groups": {"category"}}


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of every table row below a heading, up to the next one, without heads and rules."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", page, re.MULTILINE | re.DOTALL)
    assert match, f"no heading {heading}"
    lines = [line for line in match[1].splitlines() if line.startswith("|")]
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [cells for index, cells in enumerate(tables) if not _is_head(tables, index)]


def _is_head(tables: Sequence[Sequence[str]], index: int) -> bool:
    is_rule = [set(cells[0]) <= {"-"} for cells in tables]
    return is_rule[index] or (index + 1 < len(tables) and is_rule[index + 1])


def first(table: Iterable[Sequence[str]]) -> list[str]:
    return [cells[0].strip("`") for cells in table]


def keys_of(heading: str) -> dict[str, bool]:
    """Each key of a model and whether it is required."""
    fields = MODELS[heading].model_fields
    return {field.alias or name: field.is_required() for name, field in fields.items()} | dict.fromkeys(
        EXTRA.get(heading, ()), False
    )


def differences(page: str, heading: str) -> set[str]:
    """The keys that only the page or only the model has."""
    return set(first(rows(page, heading))) ^ keys_of(heading).keys()


@pytest.mark.parametrize("heading", MODELS)
def test_each_key_has_its_row_and_no_row_is_too_many(heading: str) -> None:
    assert differences(PAGE, heading) == set()


@pytest.mark.parametrize("heading", MODELS)
def test_a_row_says_whether_its_key_is_required(heading: str) -> None:
    said = {cells[0].strip("`"): cells[2].startswith("required") for cells in rows(PAGE, heading)}
    # `hosts` is required of a vendor unless its environments have them all.
    said |= {"hosts": False} if heading == "The vendor file" else {}

    assert said == keys_of(heading)


def test_every_block_of_the_language_has_a_table() -> None:
    blocks = {
        each
        for module in (activities, model, papers, sign)
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Block)
        and each not in (Block, model.PolicyDraft, model.Section, sign.Scheme)
    }

    assert blocks == set(MODELS.values())


@pytest.mark.parametrize("heading", MODELS)
def test_a_row_that_is_missing_would_be_noticed(heading: str) -> None:
    key = next(iter(keys_of(heading)))
    start = PAGE.index(f"# {heading}\n")
    page = PAGE[:start] + re.sub(rf"^\| `{key}` \|.*\n", "", PAGE[start:], count=1, flags=re.MULTILINE)

    assert differences(page, heading) == {key}


def sources() -> Iterator[str]:
    for file in (ROOT / "gateway").rglob("*.py"):
        if file.name not in ("errors.py", "levels.py"):
            yield file.read_text("utf-8")


def test_every_finding_that_the_code_makes_is_listed_and_no_other() -> None:
    made = {
        code
        for text in sources()
        for code in re.findall(r'"(contract\.[a-z_]+)"', text) + re.findall(r'f"(contract)\.\{prefix\}"', text)
    } - {"contract", *CODES}

    assert set(first(rows(PAGE, "Findings"))) == made


def test_every_refusal_that_the_page_explains_exists() -> None:
    assert set(first(rows(PAGE, "Refusals"))) <= set(CODES)


def test_every_code_in_the_tables_exists() -> None:
    mentioned = {
        code
        for heading in MODELS
        for cells in rows(PAGE, heading)
        for code in re.findall(r"`([a-z]+\.[a-z_]+)`", cells[-1])
    }

    assert mentioned <= {*CODES, *first(rows(PAGE, "Findings"))}


def test_every_form_is_listed() -> None:
    assert set(first(rows(PAGE, "Forms"))) == PLAIN | WITH_ARGUMENT


def test_every_kind_of_generalise_is_listed() -> None:
    assert set(first(rows(PAGE, "Kinds of generalise"))) == KINDS | {"{number: 100}"}


def said_of(allowed: Allowed) -> str:
    """How the page writes what the table of categories allows."""
    if allowed.verdict is Verdict.FORM:
        return "form: " + ", ".join(f"`{form}`" for form in sorted(allowed.forms))
    if allowed.verdict is Verdict.CONDITION:
        return "with consent" if allowed.consent else f"with `when` and `{allowed.purpose}`"
    return allowed.verdict.value


def test_the_table_of_categories_is_the_one_that_is_enforced() -> None:
    said = {cells[0].strip("`"): cells[1:] for cells in rows(PAGE, "Closed lists") if len(cells) == 4}

    kinds = (VendorKind.LOGISTICS, VendorKind.PAYMENT, VendorKind.MAINTENANCE)
    assert said == {category.value: [said_of(ALLOWANCE[category][kind]) for kind in kinds] for category in Category}


def words(kind: type[StrEnum]) -> set[str]:
    return {word.value for word in kind}


LISTS: Mapping[str, set[str]] = {
    **{f"purposes, {kind}": {each for each in Purpose if kind in PURPOSES[each].kinds} for kind in VendorKind},
    "legal bases": words(LegalBasis),
    "legal bases, CN": {basis for basis, term in BASES.items() if term.pipl is not None},
    "subject roles": words(SubjectRole),
    "vendor kinds": words(VendorKind),
    "vendor roles": words(VendorRole),
    "agreement types": words(AgreementType),
    **{f"clauses, {role}": {clause.value for clause in needed} for role, needed in CLAUSES_NEEDED.items()},
    "transfer mechanisms": words(TransferMechanism),
    "commercial": words(Commercial),
    "jurisdictions": {"default", "EU", "unknown"},
}


@pytest.mark.parametrize("name", LISTS)
def test_a_closed_list_has_exactly_its_words(name: str) -> None:
    said = {
        cells[0]: set(re.findall(r"`([\w.]+)`", cells[1])) for cells in rows(PAGE, "Closed lists") if len(cells) == 2
    }

    assert said.keys() == LISTS.keys()
    assert said[name] == LISTS[name]


def test_the_table_of_retention_classes_is_the_one_that_is_enforced() -> None:
    said = {
        cells[0].strip("`"): tuple(cell.strip("`") for cell in cells[2:]) for cells in rows(PAGE, "Retention classes")
    }

    assert said == {each: (rule.minimum, rule.default, rule.source) for each, rule in RULES.items()}


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-")
        for text in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
