"""On which grounds, for what, bound by which paper and under whose law data may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import vocabulary
from gateway.vocabulary import (
    AGREEMENTS,
    BASES,
    CLAUSES_NEEDED,
    EXPORT_RULES,
    PURPOSES,
    TRANSFERS,
    AgreementStatus,
    AgreementType,
    Channel,
    ConsentState,
    Evidence,
    LegalBasis,
    Purpose,
    TransferMechanism,
    VendorKind,
    VendorRole,
    article,
    is_jurisdiction,
    is_prohibited,
)

PURPOSES_OF = {
    "logistics": """order_processing after_sales delivery customs_clearance delivery_notification
        rights_fulfilment""",
    "payment": """order_processing after_sales order_verification payment_settlement fraud_prevention security
        payment_dispute         rights_fulfilment""",
    "maintenance": "platform_maintenance fault_repair security account_security rights_fulfilment",
}

COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT
    JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
    MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM
    PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT
    ZA ZM ZW
"""


def listed(text: str) -> set[str]:
    return set(text.split())


@pytest.mark.parametrize("kind", VendorKind)
def test_a_kind_of_vendor_has_exactly_its_purposes(kind: VendorKind) -> None:
    assert {purpose for purpose, term in PURPOSES.items() if kind in term.kinds} == listed(PURPOSES_OF[kind])


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_leads_to_vendors_only_by_the_vendor_channel(purpose: Purpose) -> None:
    term = PURPOSES[purpose]

    assert (term.channel is Channel.VENDOR) == bool(term.kinds)


def test_recommending_and_displaying_stay_inside() -> None:
    inside = {purpose for purpose, term in PURPOSES.items() if term.channel is Channel.INTERNAL}

    assert inside == {Purpose.PRODUCT_RECOMMENDATION, Purpose.DISPLAY_OPTIMISATION}


def test_the_purposes_of_the_exceptional_channel_are_those_of_the_three_scenarios() -> None:
    exceptional = {purpose for purpose, term in PURPOSES.items() if term.channel is Channel.EXCEPTIONAL}

    assert exceptional == set(vocabulary.SCENARIO_PURPOSES.values())


@pytest.mark.parametrize("name", sorted(vocabulary.PROHIBITED_PURPOSES))
def test_a_prohibited_purpose_is_known_and_is_no_purpose(name: str) -> None:
    assert is_prohibited(name)
    assert name not in set(Purpose)


@pytest.mark.parametrize("name", ["direct_marketing", "DirectMarketing", "targeted-advertising", "train_ai_system"])
def test_a_prohibited_purpose_is_known_in_our_own_spelling(name: str) -> None:
    assert is_prohibited(name)


@pytest.mark.parametrize("purpose", Purpose)
def test_no_purpose_of_ours_is_prohibited(purpose: Purpose) -> None:
    assert not is_prohibited(purpose)


def test_china_knows_every_basis_but_legitimate_interest() -> None:
    assert [basis for basis, term in BASES.items() if term.pipl is None] == [LegalBasis.LEGITIMATE_INTEREST]


@pytest.mark.parametrize(
    ("article", "bases"),
    [
        ("7(3)", "consent explicit_consent"),
        ("20", "consent explicit_consent performance_of_contract pre_contract"),
        ("21", "public_task legitimate_interest"),
        (
            "17",
            "consent explicit_consent performance_of_contract pre_contract vital_interest legitimate_interest",
        ),
        ("15", " ".join(LegalBasis)),
        ("77", " ".join(LegalBasis)),
    ],
    ids=["withdrawal", "portability", "objection", "erasure", "access", "complaint"],
)
def test_a_right_follows_from_its_bases(article: str, bases: str) -> None:
    assert {basis for basis, term in BASES.items() if article in term.rights} == listed(bases)


@pytest.mark.parametrize(
    ("evidence", "bases"),
    [
        (Evidence.CONSENT, "consent explicit_consent"),
        (Evidence.ORDER, "performance_of_contract pre_contract"),
        (Evidence.LAW, "legal_obligation"),
        (Evidence.ASSESSMENT, "legitimate_interest"),
        (None, "vital_interest public_task"),
    ],
    ids=["consent", "order", "law", "assessment", "none"],
)
def test_a_basis_needs_its_evidence(evidence: Evidence | None, bases: str) -> None:
    assert {basis for basis, term in BASES.items() if term.needs is evidence} == listed(bases)


def test_a_shop_has_no_public_task_by_default() -> None:
    assert {LegalBasis.PUBLIC_TASK} == vocabulary.OFF_BY_DEFAULT


def test_consent_is_valid_only_when_given_or_renewed() -> None:
    assert {ConsentState.GIVEN, ConsentState.RENEWED} == vocabulary.VALID_CONSENT


def test_an_agreement_is_in_force_only_when_active() -> None:
    assert {AgreementStatus.ACTIVE} == vocabulary.IN_FORCE


@pytest.mark.parametrize(
    ("role", "types"),
    [
        (VendorRole.PROCESSOR, "dpa standard_terms"),
        (VendorRole.CONTROLLER, "nda confidentiality c2c_sharing standard_terms statutory_secrecy"),
        (VendorRole.JOINT_CONTROLLER, "joint"),
    ],
    ids=["processor", "controller", "joint controller"],
)
def test_a_role_is_satisfied_by_its_own_agreements(role: VendorRole, types: str) -> None:
    assert {kind for kind, term in AGREEMENTS.items() if role in term.satisfies} == listed(types)


def test_only_a_law_of_secrecy_says_what_no_paper_has_to_repeat() -> None:
    implied = {kind: term.implies for kind, term in AGREEMENTS.items() if term.implies}

    assert implied == {AgreementType.STATUTORY_SECRECY: CLAUSES_NEEDED[VendorRole.CONTROLLER]}


def test_papers_for_transfers_and_service_levels_open_the_door_to_nobody() -> None:
    transfer_only = {kind for kind, term in AGREEMENTS.items() if term.transfer_only}

    assert transfer_only == listed("scc bcr adhoc_clauses cn_standard_contract")
    assert all(not AGREEMENTS[kind].satisfies for kind in (*transfer_only, AgreementType.SLA))


def test_every_vendor_promises_confidentiality_and_a_processor_more() -> None:
    everybody = listed("confidentiality no_marketing_use no_sale")
    processor = listed("instructions security sub_processors assistance delete_or_return audit")

    assert CLAUSES_NEEDED[VendorRole.CONTROLLER] == everybody
    assert CLAUSES_NEEDED[VendorRole.JOINT_CONTROLLER] == everybody
    assert CLAUSES_NEEDED[VendorRole.PROCESSOR] == everybody | processor


def test_only_domestic_calls_need_no_law_for_their_transfer() -> None:
    assert [mechanism for mechanism, term in TRANSFERS.items() if not term.law] == [TransferMechanism.NONE_DOMESTIC]


def test_derogations_for_contracts_are_occasional() -> None:
    occasional = {mechanism for mechanism, term in TRANSFERS.items() if term.occasional}

    assert occasional == listed("derogation_contract derogation_interest_of_subject")


def test_the_countries_are_those_of_the_standard() -> None:
    assert listed(COUNTRIES) == vocabulary.COUNTRIES
    assert len(vocabulary.COUNTRIES) == 249


def test_the_union_has_twenty_seven_members_and_the_economic_area_three_more() -> None:
    assert len(vocabulary.EU_MEMBERS) == 27
    assert listed("IS LI NO") == vocabulary.EEA_OUTSIDE_EU
    assert vocabulary.EU_MEMBERS | vocabulary.EEA_OUTSIDE_EU <= vocabulary.COUNTRIES
    assert not vocabulary.EU_MEMBERS & listed("IS LI NO GB CH")


def test_what_belongs_to_a_member_and_has_a_code_of_its_own_is_under_the_law_of_the_union() -> None:
    members = {place: vocabulary.member_of(place) for place in listed("RE GP MQ GF YT MF AX DE DE-BY FR-20R")}

    assert members == {
        **dict.fromkeys(listed("RE GP MQ GF YT MF FR-20R"), "FR"), "AX": "FI", **dict.fromkeys(listed("DE DE-BY"), "DE")
    }  # fmt: skip
    assert {vocabulary.territory_of(place) for place in members} == {"EU"}
    outside = listed("NO GB CH GL FO PM BL NC PF WF TF AW CW SX BQ SJ JE IM")
    assert {vocabulary.member_of(place) for place in outside} == {None}
    assert outside <= vocabulary.COUNTRIES


@given(text=st.one_of(st.text(), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)))
def test_nothing_but_a_country_or_one_of_three_words_is_a_jurisdiction(text: str) -> None:
    assert is_jurisdiction(text) == (text in listed(COUNTRIES) | {"default", "EU", "unknown"})


@pytest.mark.parametrize("text", ["default", "EU", "unknown", "CN", "NO", "US-CA", "CN-31"])
def test_a_contract_may_name_this_jurisdiction(text: str) -> None:
    assert is_jurisdiction(text)


@pytest.mark.parametrize("text", ["", "cn", "eu", "UK", "XK", "ZZ", "DEU", "DE ", "Default"])
def test_a_contract_may_not_name_this_jurisdiction(text: str) -> None:
    assert not is_jurisdiction(text)


@pytest.mark.parametrize("text", ["US-", "US-CALI", "XX-CA", "us-ca", "EU-DE", "US CA", "US-CA-1", "USCA"])
def test_what_only_looks_like_a_part_of_a_country_is_none(text: str) -> None:
    assert not is_jurisdiction(text)


@pytest.mark.parametrize(
    ("place", "territory"), [("DE", "EU"), ("NO", "EU"), ("EU", "EU"), ("GB", "GB"), ("US-CA", "US"), ("CN-31", "CN")]
)
def test_within_a_territory_data_crosses_no_border(place: str, territory: str) -> None:
    assert vocabulary.territory_of(place) == territory


# Who wrote each mechanism into law; under another law it says nothing.
KNOWN = {
    "EU": """adequacy scc scc_authority bcr code_of_conduct certification adhoc derogation_consent derogation_contract
        derogation_interest_of_subject dpf""",
    "GB": """adequacy scc_authority bcr code_of_conduct certification adhoc derogation_consent derogation_contract
        derogation_interest_of_subject dpf uk_idta uk_addendum""",
    "CH": """adequacy scc scc_authority bcr code_of_conduct certification adhoc derogation_consent derogation_contract
        derogation_interest_of_subject ch_dpf""",
    "CN": "cn_security_assessment cn_certification cn_standard_contract cn_contract_necessity",
    "JP": "adequacy jp_equivalent jp_consent",
    "BR": "adequacy bcr br_scc",
}


def test_every_law_that_guards_its_borders_knows_the_mechanisms_written_here() -> None:
    found = {law: {kind for kind, term in TRANSFERS.items() if law in term.known_in} for law in vocabulary.EXPORT_RULES}

    assert found == {law: listed(kinds) for law, kinds in KNOWN.items()}


def test_only_certificates_end_by_law_and_only_two_mechanisms_rest_on_what_somebody_said() -> None:
    assert {kind for kind, term in TRANSFERS.items() if term.certified} == listed("dpf ch_dpf")
    assert {kind for kind, term in TRANSFERS.items() if term.consent} == listed("derogation_consent jp_consent")


@pytest.mark.parametrize(
    ("mechanism", "law", "where"),
    [
        ("adequacy", "DE", "GDPR 45(3)"),
        ("adequacy", "NO", "GDPR 45(3)"),
        ("adequacy", "GB", "UK GDPR 45A"),
        ("adequacy", "CH", "FADP 16(1)"),
        ("adequacy", "JP", "APPI 28(1)"),
        ("adequacy", "BR", "LGPD 33(I)"),
        ("bcr", "GB", "UK GDPR 46(2)(b)"),
        ("derogation_contract", "CH", "FADP 17(1)(b)"),
        ("cn_contract_necessity", "CN", "NDSR 35(4)"),
        ("uk_idta", "GB", "UK GDPR 46(2)(d)"),
        ("scc", "US-CA", "GDPR 46(2)(c)"),
        ("none_domestic", "GB", ""),
    ],
)
def test_a_mechanism_is_cited_from_the_law_that_asked_for_it(mechanism: str, law: str, where: str) -> None:
    assert article(TransferMechanism(mechanism), law) == where


@pytest.mark.parametrize("territory", ["EU", "GB", "CH", "CN", "JP", "BR"])
def test_every_mechanism_that_a_law_knows_is_cited_from_that_law(territory: str) -> None:
    begins = EXPORT_RULES[territory].rpartition(" ")[0]
    place = {"EU": "DE"}.get(territory, territory)

    cited = {each: article(each, place) for each, term in TRANSFERS.items() if territory in term.known_in}

    wanted = {"CN": ("PIPL", "NDSR")}.get(territory, (begins,))
    assert cited
    assert not {each: where for each, where in cited.items() if not where.startswith(wanted)}
