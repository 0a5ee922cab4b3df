"""Public pages: made from what is in force, in two languages, and with nothing in them that is not everybody's."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from running import Running, running
from small_contracts import FILES, read_files
from sockets import Reply

from gateway import public
from gateway.contract.load import ContractSet, load
from gateway.contract.terms import Origin
from gateway.registry.facts import Papers, Review, Waiver
from gateway.vocabulary import FORMS_FOR_ANY, Category, Level

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LAPSED = "elbkurier"
"""Its agreement ended, as the demo shows."""
POLICY = """\
markets: [EU]
time_zone: Europe/Berlin
versions:
  - version: "1"
    published: 2026-01-01T00:00:00+01:00
    document: sha256:0000000000000000000000000000000000000000000000000000000000000000
    purposes: [delivery, after_sales]
    vendor_kinds: [logistics]
  - version: "2"
    published: 2026-06-01T00:00:00+02:00
    document: sha256:1111111111111111111111111111111111111111111111111111111111111111
    purposes: [delivery, security]
    vendor_kinds: [logistics, maintenance]
  - version: "3"
    published: 2027-01-01T00:00:00+01:00
    document: sha256:2222222222222222222222222222222222222222222222222222222222222222
    purposes: [delivery]
    vendor_kinds: [logistics]
"""


def small(folder: Path, files: Mapping[str, str] = FILES) -> ContractSet:
    contracts, findings = read_files(folder, files)
    assert contracts is not None, findings
    return contracts


@pytest.fixture(scope="module")
def shop() -> ContractSet:
    return load(Path(__file__).parents[1] / "contracts")


def test_recipients_are_exactly_what_the_contracts_let_out(shop: ContractSet) -> None:
    page = public.recipients(shop, NOW, {})

    shown = {
        (each["name"], use["purpose"]["code"], category["code"], form["code"])
        for each in page["recipients"]
        for use in each["uses"]
        for category in use["categories"]
        for form in category["forms"]
    }
    loaded = {
        (
            terms.vendor.legal_entity.name,
            terms.sending.groups[rule.group].purpose.value,
            rule.category.value,
            rule.form.name,
        )
        for terms in shop.terms
        for rule in terms.sending.rules
        if rule.origin is Origin.GROUP
        and rule.form.name not in FORMS_FOR_ANY
        and rule.category is not Category.NOT_PERSONAL
        and terms.vendor.vendor != LAPSED
    }
    assert shown == loaded
    assert {each["name"] for each in page["recipients"]} == {
        each.legal_entity.name for name, each in shop.vendors.items() if name != LAPSED
    }


def test_whoever_has_no_agreement_any_more_is_no_recipient(shop: ContractSet) -> None:
    lapsed = shop.vendors[LAPSED].legal_entity.name
    before, after = (
        public.recipients(shop, each, {})["recipients"] for each in (datetime(2025, 12, 1, tzinfo=UTC), NOW)
    )

    assert lapsed in [each["name"] for each in before]
    assert lapsed not in [each["name"] for each in after]


@pytest.mark.parametrize(
    ("level", "is_recipient"),
    [(Level.OFF, True), (Level.WARN, True), (Level.REFUSE, False)],
    ids=["off", "warn", "refuse"],
)
def test_whose_review_is_overdue_is_a_recipient_as_long_as_calls_go(
    shop: ContractSet, level: Level, *, is_recipient: bool
) -> None:
    courier = shop.vendors["parcelgate"]
    held = NOW.date() - timedelta(days=9)
    late = Papers(reviews={"parcelgate": Review(held, held + timedelta(days=1))})

    page = public.recipients(shop, NOW, {"vendor.review_overdue": level}, late)

    assert (courier.legal_entity.name in [each["name"] for each in page["recipients"]]) is is_recipient


def test_who_gets_data_by_a_waiver_is_a_recipient_until_it_is_over(shop: ContractSet) -> None:
    lapsed = shop.vendors[LAPSED].legal_entity.name
    operations = frozenset(terms.name for terms in shop.terms if terms.vendor.vendor == LAPSED)
    waiver = Waiver("w-1", operations, frozenset({"agreement.expired"}), NOW + timedelta(hours=1))

    while_, after = (
        [each["name"] for each in public.recipients(shop, when, {}, Papers(waivers=(waiver,)))["recipients"]]
        for when in (NOW, waiver.until)
    )

    assert lapsed in while_
    assert lapsed not in after


def test_a_recipient_comes_with_its_address_its_place_and_the_ground(shop: ContractSet) -> None:
    page = public.recipients(shop, NOW, {})
    [found] = [each for each in page["recipients"] if each["name"] == shop.vendors["parcelgate"].legal_entity.name]

    assert found["contact"] == shop.vendors["parcelgate"].legal_entity.contact
    assert found["countries"] == ["DE", "PL"]
    assert found["kind"] == {"code": "logistics", "en": "Logistics and delivery", "zh": "物流配送"}
    [delivery] = [use for use in found["uses"] if use["purpose"]["code"] == "delivery"]
    assert "performance_of_contract" in [basis["code"] for basis in delivery["legal_bases"]]


def test_the_policy_in_force_is_the_one_that_is_shown(tmp_path: Path) -> None:
    policy = small(tmp_path, FILES | {"policy.yaml": POLICY}).policy

    assert public.policy(policy, NOW)["version"] == "2"
    assert public.policy(policy, NOW + timedelta(days=60))["version"] == "3"
    assert public.policy(policy, datetime(2020, 1, 1, tzinfo=UTC)) == {"version": None}


def test_history_says_what_each_version_brought_and_nothing_of_those_to_come(tmp_path: Path) -> None:
    newest, oldest = public.history(small(tmp_path, FILES | {"policy.yaml": POLICY}).policy, NOW)["versions"]

    assert (newest["version"], oldest["version"]) == ("2", "1")
    assert codes(newest["changes"]["purposes"]) == {"added": ["security"], "removed": ["after_sales"]}
    assert codes(newest["changes"]["vendor_kinds"]) == {"added": ["maintenance"], "removed": []}
    assert codes(oldest["changes"]["purposes"]) == {"added": ["delivery", "after_sales"], "removed": []}


def codes(changes: Mapping[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    return {change: [word["code"] for word in words] for change, words in changes.items()}


class Reading(HTMLParser):
    """The texts of a page, and the names of its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.elements: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's interface
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_of_a_page_stands_in_its_html(shop: ContractSet, language: public.Language) -> None:
    page = public.recipients(shop, NOW, {})
    text = "".join(Reading(public.html("recipients", page, language)).texts)

    for each in page["recipients"]:
        assert each["name"] in text
        assert all(use["purpose"][language] in text for use in each["uses"])
        assert all(category[language] in text for use in each["uses"] for category in use["categories"])


def test_a_name_cannot_become_an_element(shop: ContractSet) -> None:
    courier = shop.vendors["parcelgate"]
    company = courier.legal_entity.model_copy(update={"name": "<script>alert(1)</script>"})
    vendors = dict(shop.vendors) | {"parcelgate": courier.model_copy(update={"legal_entity": company})}
    page = public.recipients(replace(shop, vendors=vendors), NOW, {})

    read = Reading(public.html("recipients", page, "en"))

    assert "script" not in read.elements
    assert "<script>alert(1)</script>" in read.texts


@pytest.mark.parametrize("kind", ["recipients", "policy", "history"])
def test_where_nothing_is_in_force_the_page_says_so(tmp_path: Path, kind: str) -> None:
    contracts, early = small(tmp_path), datetime(2020, 1, 1, tzinfo=UTC)
    pages = {
        "recipients": public.recipients(contracts, early, {}),
        "policy": public.policy(contracts.policy, early),
        "history": public.history(contracts.policy, early),
    }

    text = "".join(Reading(public.html(kind, pages[kind], "en")).texts)

    assert "at the moment" in text or "published yet" in text


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("public")) as gateway:
        yield gateway


def asked(gateway: Running, path: str, *fields: str) -> Reply:
    return gateway.said(gateway.raw("GET", path, *fields, token=""), operators=True)


@pytest.mark.parametrize("path", ["/public/policy", "/public/policy/history", "/public/recipients"])
def test_a_page_needs_no_token_and_comes_as_json_or_html(gateway: Running, path: str) -> None:
    plain = asked(gateway, path)
    english = asked(gateway, path, "Accept: text/html")
    chinese = asked(gateway, path, "Accept: text/html", "Accept-Language: zh-CN,zh;q=0.9")

    assert (plain.status, plain.headers["content-type"]) == (200, "application/json")
    assert english.headers["content-type"] == chinese.headers["content-type"] == "text/html; charset=utf-8"
    assert 'lang="en"' in english.payload.decode()
    assert 'lang="zh-CN"' in chinese.payload.decode()
    assert "default-src 'none'" in english.headers["content-security-policy"]


def test_the_language_may_be_asked_for_by_the_address(gateway: Running) -> None:
    assert 'lang="zh-CN"' in asked(gateway, "/public/recipients?lang=zh", "Accept: text/html").payload.decode()
