"""The closed lists are complete, and what each kind of vendor may have is what was written down twice."""

import re
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum

import pytest

from gateway import vocabulary
from gateway.vocabulary import ALLOWANCE, CATEGORIES, Allowed, Category, VendorKind, Verdict, iri

# Each list again, written out by hand: a word that comes or goes has to come or go twice.
CLOSED: Mapping[type[StrEnum], str] = {
    vocabulary.AgreementStatus: "drafted partially_signed signed active suspended breached expired terminated",
    vocabulary.AgreementType: """nda confidentiality dpa c2c_sharing joint sub_processing scc bcr adhoc_clauses
        cn_standard_contract sla standard_terms statutory_secrecy""",
    vocabulary.Channel: "vendor internal exceptional",
    vocabulary.RiskTier: "low medium high",
    vocabulary.Attested: "confidentiality deletion security sub_processors",
    vocabulary.Clause: """confidentiality no_marketing_use no_sale instructions security sub_processors assistance
        delete_or_return audit""",
    vocabulary.Commercial: "none sale rent trade",
    vocabulary.ConsentState: "requested given renewed refused withdrawn expired invalidated revoked unknown",
    vocabulary.Evidence: "order assessment law consent legal_person",
    vocabulary.LegalBasis: """consent explicit_consent performance_of_contract pre_contract legal_obligation
        vital_interest public_task legitimate_interest""",
    vocabulary.Level: "off warn refuse",
    vocabulary.Origin: "provided observed derived none",
    vocabulary.Purpose: """order_processing order_verification delivery customs_clearance delivery_notification
        payment_settlement fraud_prevention after_sales platform_maintenance fault_repair security payment_dispute
        account_security rights_fulfilment
        product_recommendation display_optimisation legal_compulsion rights_protection emergency_safety""",
    vocabulary.RefusalReason: """legally_required legal_claims identity_failure legal_obligation_impaired
        legal_claim_impaired disproportionate_effort""",
    vocabulary.RequestStatus: "initiated acknowledged accepted rejected fulfilled unfulfilled requires_action",
    vocabulary.Right: """access rectification erasure withdraw_consent restriction portability objection
        recipient_notice""",
    vocabulary.Role: "service operator engineer steward reviewer decider dpo auditor agent subject",
    vocabulary.Ruling: "rectify erase restrict stop continue refuse",
    vocabulary.Scenario: "legal_compulsion rights_protection emergency",
    vocabulary.SubjectRole: "purchaser consignee payer visitor reviewer employee",
    vocabulary.TransferMechanism: """none_domestic adequacy scc scc_authority bcr code_of_conduct certification adhoc
        derogation_consent derogation_contract derogation_interest_of_subject cn_security_assessment cn_certification
        cn_standard_contract cn_contract_necessity uk_idta uk_addendum dpf ch_dpf jp_equivalent jp_consent br_scc""",
    vocabulary.VendorKind: "logistics payment maintenance",
    vocabulary.VendorRole: "processor controller joint_controller",
    vocabulary.AcceptanceKind: "deemed express",
    vocabulary.ConsentMethod: "web_form app account_setting email phone paper signature in_person",
    vocabulary.ExpressedBy: "subject guardian representative",
    vocabulary.Flag: """minor inactive restricted objected opted_out erased winding_up legal_person informed notice_due
        test""",
    vocabulary.OrderLevel: "stated known live",
    vocabulary.OrderState: "cart open shipped delivered after_sales closed",
    vocabulary.Verdict: "yes asks form condition no never",
}

ORIGINS = {
    "provided": """account.nickname account.password account.settings person.name contact.phone contact.email
        address.full address.street address.unit address.city address.region address.postal_code address.country
        delivery.note identity.national_id identity.passport payment.pan payment.expiry payment.cvv
        payment.bank_account payment.billing_address order.items service.consultation service.after_sales
        service.review demo.birth_date demo.gender media.image beauty.skin_profile pref.privacy""",
    "observed": """account.id session.secret payment.token payment.amount order.id order.declared_value parcel.measure
        shipment.tracking tech.message tech.device tech.device_id tech.ip tech.user_agent tech.cookie_id
        behav.browsing behav.product_view behav.search behav.order_log behav.access_time demo.language geo.precise""",
    "derived": "derived.preferences derived.age_range geo.coarse child.flag",
    "none": """not_personal unclassified special.health special.biometric special.ethnicity special.religion
        special.politics special.union special.sexual special.criminal""",
}

SECRET_OR_SPECIAL = """account.password session.secret payment.cvv beauty.skin_profile unclassified special.health
    special.biometric special.ethnicity special.religion special.politics special.union special.sexual
    special.criminal"""

# What the published policy says is collected, and where it stands here.
LISTED = {
    "user nickname": "account.nickname",
    "account password": "account.password",
    "shipping address": """address.full address.street address.unit address.city address.region address.postal_code
        address.country""",
    "consignee information": "person.name contact.phone",
    "payment information": """payment.pan payment.expiry payment.cvv payment.bank_account payment.amount
        payment.billing_address""",
    "order transaction": "order.id order.items",
    "consultation records": "service.consultation",
    "after-sales records": "service.after_sales",
    "product evaluation": "service.review",
    "device access": "tech.device",
    "browsing track": "behav.browsing",
    "product viewing": "behav.product_view",
    "order operation logs": "behav.order_log",
    "access times": "behav.access_time",
    "shopping preferences": "derived.preferences",
}

# Categories, then what logistics, payment and maintenance vendors may have.
ALLOWED = """
    not_personal parcel.measure | yes | yes | yes
    person.name contact.phone | yes | asks | no
    contact.email | condition consent | asks | no
    address.full address.street address.unit address.city address.region | yes | asks | no
    address.postal_code address.country | yes | yes | no
    delivery.note | form scrub | no | no
    identity.national_id identity.passport | condition customs_clearance when | no | no
    payment.token | no | yes | no
    payment.amount | asks | yes | no
    payment.billing_address payment.pan payment.expiry payment.bank_account | no | asks | no
    order.id | form pseudonymise | yes | form pseudonymise
    order.items | form map | form map | no
    order.declared_value shipment.tracking | yes | asks | no
    service.consultation service.after_sales service.review | no | no | no
    tech.message | no | no | form scrub
    tech.device tech.user_agent | no | asks | yes
    tech.ip | no | asks | form generalise
    tech.device_id tech.cookie_id account.id | no | form pseudonymise | form pseudonymise
    behav.browsing behav.product_view behav.search behav.order_log behav.access_time | no | no | form generalise
    geo.precise | asks | no | form generalise
    geo.coarse | asks | no | yes
    demo.language | asks | asks | no
    account.nickname account.settings demo.birth_date demo.gender | no | no | no
    derived.preferences derived.age_range media.image child.flag pref.privacy | no | no | no
    account.password session.secret payment.cvv beauty.skin_profile unclassified | never | never | never
    special.health special.biometric special.ethnicity special.religion | never | never | never
    special.politics special.union special.sexual special.criminal | never | never | never
"""


def listed(text: str) -> set[str]:
    return set(text.split())


def cell(allowed: Allowed) -> str:
    asked = [*sorted(allowed.forms), allowed.purpose or ""]
    flags = [name for name in ("consent", "when") if getattr(allowed, name)]
    return " ".join([allowed.verdict, *filter(None, asked), *flags])


def rendered(table: Mapping[Category, Mapping[VendorKind, Allowed]]) -> dict[str, list[str]]:
    return {category: [cell(row[kind]) for kind in VendorKind] for category, row in table.items()}


def written_allowance() -> dict[str, list[str]]:
    rows = [line.split("|") for line in ALLOWED.strip().splitlines()]
    return {category: [text.strip() for text in cells] for names, *cells in rows for category in names.split()}


def terms_in(value: object) -> list[str]:
    """Every prefixed term below a value; the keys of mappings are our own words."""
    if isinstance(value, str):
        return [value] if re.match(r"[a-z-]+:", value) else []
    if isinstance(value, Mapping):
        return [term for below in value.values() for term in terms_in(below)]
    if isinstance(value, Collection):
        return [term for below in value for term in terms_in(below)]
    if is_dataclass(value):
        return [term for field in fields(value) for term in terms_in(getattr(value, field.name))]
    return []


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: closed.__name__)
def test_a_list_holds_exactly_the_words_written_here(closed: type[StrEnum]) -> None:
    assert {str(member) for member in closed} == listed(CLOSED[closed])


def test_no_list_is_left_out_of_these_tests() -> None:
    public = [getattr(vocabulary, name) for name in vocabulary.__all__]

    enums = {thing for thing in public if isinstance(thing, type) and issubclass(thing, StrEnum)}

    assert enums == {*CLOSED, Category}


@pytest.mark.parametrize(
    ("table", "closed"),
    [
        (vocabulary.AGREEMENTS, vocabulary.AgreementType),
        (vocabulary.AGREEMENT_STATUSES, vocabulary.AgreementStatus),
        (vocabulary.ALLOWANCE, vocabulary.Category),
        (vocabulary.BASES, vocabulary.LegalBasis),
        (vocabulary.CATEGORIES, vocabulary.Category),
        (vocabulary.CLAUSES_NEEDED, vocabulary.VendorRole),
        (vocabulary.CONSENT_STATES, vocabulary.ConsentState),
        (vocabulary.PURPOSES, vocabulary.Purpose),
        (vocabulary.REFUSAL_REASONS, vocabulary.RefusalReason),
        (vocabulary.REQUEST_STATUSES, vocabulary.RequestStatus),
        (vocabulary.RIGHTS, vocabulary.Right),
        (vocabulary.SCENARIO_PURPOSES, vocabulary.Scenario),
        (vocabulary.TRANSFERS, vocabulary.TransferMechanism),
        (vocabulary.VENDOR_ROLES, vocabulary.VendorRole),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "table",
)
def test_a_table_has_a_row_for_every_word(table: Collection[str], closed: type[StrEnum]) -> None:
    assert set(table) == set(closed)


def test_every_category_has_the_one_origin_written_here() -> None:
    written = [(category, origin) for origin, names in ORIGINS.items() for category in names.split()]

    assert len(written) == len(dict(written))
    assert {str(category): str(term.origin) for category, term in CATEGORIES.items()} == dict(written)


def test_only_secrets_and_special_categories_are_kept_from_every_contract() -> None:
    assert {category for category, term in CATEGORIES.items() if term.sensitivity == 3} == listed(SECRET_OR_SPECIAL)
    assert listed(SECRET_OR_SPECIAL) == vocabulary.NEVER_LEAVES


def test_only_what_is_about_nobody_has_no_sensitivity() -> None:
    about_nobody = {category for category, term in CATEGORIES.items() if term.sensitivity == 0}

    assert about_nobody == {Category.NOT_PERSONAL, Category.PARCEL_MEASURE}


def test_sensitivity_is_one_of_four_degrees() -> None:
    assert {term.sensitivity for term in CATEGORIES.values()} == {0, 1, 2, 3}


def test_all_that_the_policy_lists_has_a_category_and_nothing_else_claims_to_be_listed() -> None:
    from_policy = {category for category, term in CATEGORIES.items() if term.from_policy}

    assert from_policy == listed(" ".join(LISTED.values()))


def test_numbers_to_remember_from_answers_are_those_that_lead_back_to_a_call() -> None:
    assert listed("shipment.tracking payment.token order.id") == vocabulary.RETAINED_IDS


def test_every_public_term_has_a_known_prefix() -> None:
    terms = [term for name in vocabulary.__all__ if name.isupper() for term in terms_in(getattr(vocabulary, name))]

    addresses = [iri(term) for term in terms if not term.startswith("https:")]

    assert len(addresses) > len(Category)
    assert all(re.fullmatch(r"https://w3id\.org/dpv[a-z/]*#[A-Z][A-Za-z0-9-]+", address) for address in addresses)


def test_a_term_becomes_the_address_of_its_vocabulary() -> None:
    assert iri("pd:Name") == "https://w3id.org/dpv/pd#Name"
    assert iri("eu-gdpr:A6-1-a") == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a"


@pytest.mark.parametrize("term", ["", "Name", "pd:", "foaf:name", ":Name"])
def test_a_term_without_known_prefix_or_name_has_no_address(term: str) -> None:
    with pytest.raises(ValueError, match="a term begins with"):
        iri(term)


def test_the_allowance_is_the_one_written_here() -> None:
    assert rendered(ALLOWANCE) == written_allowance()


def test_a_loosened_allowance_would_be_seen() -> None:
    loosened = {**ALLOWANCE, Category.CONTACT_EMAIL: dict.fromkeys(VendorKind, Allowed(Verdict.YES))}

    assert rendered(loosened) != written_allowance()


@pytest.mark.parametrize("category", sorted(listed(SECRET_OR_SPECIAL)))
def test_a_secret_or_special_category_goes_to_no_kind_of_vendor(category: str) -> None:
    assert {kind: allowed.verdict for kind, allowed in ALLOWANCE[Category(category)].items()} == dict.fromkeys(
        VendorKind, Verdict.NEVER
    )


def test_a_condition_always_asks_for_something_and_nothing_else_does() -> None:
    cells = [allowed for row in ALLOWANCE.values() for allowed in row.values()]

    assert all(
        (allowed.verdict is Verdict.CONDITION) == bool(allowed.consent or allowed.when or allowed.purpose)
        for allowed in cells
    )
    assert all((allowed.verdict is Verdict.FORM) == bool(allowed.forms) for allowed in cells)


def test_no_identifying_data_goes_to_maintenance_as_it_is() -> None:
    open_to_maintenance = {
        category for category, row in ALLOWANCE.items() if row[VendorKind.MAINTENANCE].verdict is Verdict.YES
    }

    assert open_to_maintenance == listed("not_personal parcel.measure tech.device tech.user_agent geo.coarse")


def test_forms_of_which_nothing_leaves_are_open_to_everything() -> None:
    assert {"replace", "drop", "refuse"} == vocabulary.FORMS_FOR_ANY
