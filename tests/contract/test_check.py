"""Beyond its shape, a contract keeps to the table of categories, says whose data it is, and holds no secret."""

from pathlib import Path as Folder

import pytest
from small_contracts import ACME, FILES, OPERATION, SHIP, VENDOR, changed, found, with_field

from gateway.vocabulary import ALLOWANCE, Allowed, Category, VendorKind, Verdict

TABLE = [
    pytest.param(category, kind, allowed, id=f"{category} to {kind}")
    for category, row in ALLOWANCE.items()
    for kind, allowed in row.items()
]


@pytest.mark.parametrize(("category", "kind", "allowed"), TABLE)
def test_a_category_loads_as_the_table_says(
    category: Category, kind: VendorKind, allowed: Allowed, tmp_path: Folder
) -> None:
    errors = found(tmp_path, with_field(category, kind))

    expected = [] if allowed.verdict in (Verdict.YES, Verdict.ASKS) else ["contract.category"]
    assert errors == expected


@pytest.mark.parametrize(("category", "kind", "allowed"), TABLE)
def test_a_category_that_the_table_asks_about_is_told_to_the_reviewer(
    category: Category, kind: VendorKind, allowed: Allowed, tmp_path: Folder
) -> None:
    notes = found(tmp_path, with_field(category, kind), level="note")

    assert notes == (["contract.category"] if allowed.verdict is Verdict.ASKS else [])


@pytest.mark.parametrize("form", ["drop", "refuse", "{replace: x}"])
@pytest.mark.parametrize("category", Category)
def test_a_form_that_leaves_nothing_is_open_to_every_category(category: Category, form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, with_field(category, VendorKind.MAINTENANCE, form)) == []


@pytest.mark.parametrize(
    ("kind", "errors"),
    [
        (VendorKind.MAINTENANCE, []),
        (VendorKind.PAYMENT, ["contract.value"]),
        (VendorKind.LOGISTICS, ["contract.value"]),
    ],
)
def test_only_a_maintenance_vendor_may_be_sent_nothing(kind: VendorKind, errors: list[str], tmp_path: Folder) -> None:
    files = with_field("not_personal", kind)
    files[SHIP] = files[SHIP].replace("  body: json\n", "  body: json\n  when_empty: accept\n", 1)

    assert found(tmp_path, files) == errors


def test_an_order_number_reaches_a_courier_as_a_pseudonym_only(tmp_path: Folder) -> None:
    assert found(tmp_path, with_field("order.id", VendorKind.LOGISTICS, "pseudonymise")) == []
    assert found(tmp_path, with_field("order.id", VendorKind.LOGISTICS, "mask: {keep_last: 2}")) != []


@pytest.mark.parametrize("kind", [VendorKind.LOGISTICS, VendorKind.PAYMENT])
def test_titles_of_products_leave_as_a_word_for_customs_alone(kind: VendorKind, tmp_path: Folder) -> None:
    # Beside a name they tell of somebody's health or age (CJEU C-21/23).
    assert found(tmp_path / "titles", with_field("order.items", kind)) == ["contract.category"]
    assert found(tmp_path / "masked", with_field("order.items", kind, "{mask: {keep_first: 3}}")) != []
    assert found(tmp_path / "word", with_field("order.items", kind, "{replace: Cosmetics}")) == []


CONSIGNEE = "consignee: {ref"
CONSENT = "      legal_basis: consent\n"
CUSTOMS = "      legal_basis: consent\n      purpose: customs_clearance\n"
WHEN = "      when: {$.country: [BR]}\n"


@pytest.mark.parametrize(
    ("category", "more", "errors"),
    [
        pytest.param("contact.email", CONSENT, [], id="a mail address with consent"),
        pytest.param("contact.email", "      purpose: delivery_notification\n", ["contract.category"], id="without"),
        pytest.param("identity.passport", CUSTOMS + WHEN, [], id="a passport for customs"),
        pytest.param("identity.passport", CUSTOMS, ["contract.category"], id="a passport without a condition"),
        pytest.param("identity.passport", CONSENT + WHEN, ["contract.category"], id="a passport for something else"),
    ],
)
def test_what_a_category_depends_on_is_asked_for(category: str, more: str, errors: list[str], tmp_path: Folder) -> None:
    assert found(tmp_path, with_field(category, VendorKind.LOGISTICS, "as_is", more)) == errors


AFTER_SALES = "      purpose: after_sales\n"
ADDRESSES = sorted(each for each in Category if each.startswith("address."))


@pytest.mark.parametrize("category", [*ADDRESSES, "payment.billing_address"])
def test_a_refund_has_no_address_and_a_return_no_amount(category: str, tmp_path: Folder) -> None:
    refund = with_field(category, VendorKind.PAYMENT, "as_is", AFTER_SALES)
    back = with_field("payment.amount", VendorKind.LOGISTICS, "as_is", AFTER_SALES)

    assert found(tmp_path / "refund", refund) == ["contract.category"]
    assert found(tmp_path / "return", back) == ["contract.category"]


def test_a_return_has_an_address_and_a_refund_an_amount(tmp_path: Folder) -> None:
    back = with_field("address.street", VendorKind.LOGISTICS, "as_is", AFTER_SALES)
    refund = with_field("payment.amount", VendorKind.PAYMENT, "as_is", AFTER_SALES)

    assert found(tmp_path / "return", back) == []
    assert found(tmp_path / "refund", refund) == []


@pytest.mark.parametrize(
    "category", [category for category, row in ALLOWANCE.items() if row[VendorKind.PAYMENT].verdict is Verdict.NEVER]
)
def test_what_never_leaves_does_not_come_back_either(category: Category, tmp_path: Folder) -> None:
    files = changed(SHIP, "fields: {$.id: shipment.tracking}", f"fields: {{$.id: {category}}}")

    assert found(tmp_path, files) == ["contract.category"]


@pytest.mark.parametrize("name", ["first_name", "email", "phone", "street", "date_of_birth", "cardholder"])
def test_the_reviewer_is_told_of_a_telling_name(name: str, tmp_path: Folder) -> None:
    files = changed(SHIP, "fields: {$.id: shipment.tracking}", "fields: {$.id: shipment.tracking}")
    group = f"    - why: It is under test here.\n      category: not_personal\n      fields: [$.{name}]\n"
    files[SHIP] = files[SHIP].replace("answer:\n", f"{group}answer:\n")

    assert found(tmp_path, files) == []
    assert found(tmp_path, files, level="note") == ["contract.category"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            f"  {CONSIGNEE}",
            f"  purchaser: {{ref: order, legal_basis: consent}}\n  {CONSIGNEE}",
            id="two subjects and no of",
        ),
        pytest.param(
            "      fields:\n        $.name",
            "      of: payer\n      fields:\n        $.name",
            id="somebody who is no subject",
        ),
        pytest.param(f"\n  {CONSIGNEE}: order, legal_basis: legitimate_interest}}", " none", id="a call about nobody"),
        pytest.param("{ref: order, legal", "{legal", id="nobody is looked up, and a name leaves"),
    ],
)
def test_whose_data_it_is_must_be_said(old: str, new: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(SHIP, old, new)) == ["contract.whose"]


def test_what_identifies_nobody_may_leave_without_anybody_looked_up(tmp_path: Folder) -> None:
    files = changed(SHIP, "{ref: order, legal", "{legal")
    files[SHIP] = files[SHIP].replace("$.name: person.name", "$.country: address.country")
    files[SHIP] = files[SHIP].replace("path:parcel: shipment.tracking", "path:parcel: parcel.measure")

    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        pytest.param(
            "contract.basis",
            "legitimate_interest}",
            "{default: consent, CN: legitimate_interest}}",
            id="an interest in China",
        ),
        pytest.param("contract.basis", "legitimate_interest}", "public_task}", id="a public task"),
        pytest.param(
            "contract.basis",
            "form: pseudonymise",
            "legal_basis: consent\n      required: all\n      form: pseudonymise",
            id="required under consent",
        ),
        pytest.param("contract.evidence", ", assessment: LIA-1", "", id="an interest without assessment"),
        pytest.param("contract.evidence", "legitimate_interest}", "legal_obligation}", id="a duty without law"),
        pytest.param("contract.evidence", "order: $.order, ", "", id="an order without its number"),
    ],
)
def test_grounds_must_be_valid_and_have_their_evidence(code: str, old: str, new: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(SHIP, old, new)) == [code]


@pytest.mark.parametrize("purpose", ["payment_settlement", "fault_repair", "product_recommendation"])
def test_a_purpose_must_be_one_of_the_kind_of_vendor(purpose: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(SHIP, "purpose: delivery", f"purpose: {purpose}")) == ["contract.purpose"]


@pytest.mark.parametrize(
    "text",
    [
        "Bearer sk_live_51Jx0000000000000000",
        "a3f19c0de4b85c7710293847566473fe",
        "Sentry sentry_key=a3f19c0de4b85c7710293847566473fe, sentry_version=7",
    ],
)
@pytest.mark.parametrize("file", [SHIP, ACME])
def test_a_key_that_is_written_out_is_found(file: str, text: str, tmp_path: Folder) -> None:
    files = changed(ACME, "Bearer $ACME_KEY", text)
    if file == SHIP:
        files = changed(SHIP, "sending:", f"credential:\n  header:X-Key: {text}\nsending:")

    assert found(tmp_path, files) == ["contract.secret"]


@pytest.mark.parametrize("text", ["Bearer ${ACME_KEY}", "Bearer $acme_key", "Bearer $$ACME_KEY"])
def test_what_only_looks_like_the_name_of_a_secret_is_found(text: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(ACME, "Bearer $ACME_KEY", text)) == ["contract.secret"]


def test_what_is_filled_into_a_refusal_by_no_word_of_ours_is_found(tmp_path: Folder) -> None:
    right = changed(ACME, "review:", 'refusals: {fault: [{text: "$code: $message"}], http: $status}\nreview:')
    wrong = changed(ACME, "review:", "refusals: {fault: [{text: refused for $reason}]}\nreview:")

    assert found(tmp_path, right) == []
    assert found(tmp_path, wrong) == ["contract.value"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order: $.order", "order: header:Gateway-Order"),
        ("{ref: order, legal", "{ref: header:Gateway-Person, legal"),
        ("callers:", "pins: {header:Gateway-Version: v2}\ncallers:"),
    ],
)
def test_a_header_that_speaks_to_the_gateway_is_read_by_no_contract(old: str, new: str, tmp_path: Folder) -> None:
    own = changed(SHIP, old, new.replace("Gateway-", "Shop-"))

    assert found(tmp_path, changed(SHIP, old, new)) == ["contract.path"]
    assert found(tmp_path, own) == []


def test_a_header_that_says_whose_data_it_is_is_read(tmp_path: Folder) -> None:
    assert found(tmp_path, changed(SHIP, "{ref: order, legal", "{ref: header:Gateway-Subject, legal")) == []


def test_what_names_a_value_is_no_key(tmp_path: Folder) -> None:
    files = changed(ACME, "Bearer $ACME_KEY", "Sentry sentry_key=$ACME_KEY, sentry_version=7")

    assert found(tmp_path, files) == []


def test_a_token_place_that_leaves_is_found_unless_a_credential_replaces_it(tmp_path: Folder) -> None:
    token = changed(ACME, "token: [header:Authorization]", "token: [$.name]")
    replaced = changed(ACME, "  header:Authorization: Bearer $ACME_KEY", "  $.login: $ACME_KEY", token)
    replaced[ACME] = replaced[ACME].replace("token: [$.name]", "token: [$.login]")

    assert found(tmp_path, token) == ["contract.secret"]
    assert found(tmp_path, replaced) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.acme.example",
        "ftp://api.acme.example",
        "api.acme.example",
        "https://",
        "https://user:pass@api.acme.example",
        "https://api.acme.example?x=1",
        "https://api.acme.example#x",
        "https://api.acme.example:0",
        "https://api.acme.example:99999",
        "https://127.0.0.1",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://192.168.1.1:8443",
        "https://[::1]",
        "https://[fe80::1]",
        "https://localhost",
        "https://vault.internal",
        "https://printer.local",
        "https://zoë.example",
        "https://2130706433",
        "https://0x7f.1",
        "https://api.acme.example.",
        "https://api.acme.example/a b",
        "https://api.acme.example/a/../b",
    ],
)
def test_a_host_is_a_public_https_address(url: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(ACME, "{acme: https://api.acme.example}", f"{{acme: '{url}'}}")) == [
        "contract.hosts"
    ]


def test_a_vendor_inside_our_own_network_says_where(tmp_path: Folder) -> None:
    files = changed(ACME, "{acme: https://api.acme.example}", "{acme: https://10.20.0.7}\nnetworks: [10.20.0.0/16]")
    typo = changed(ACME, "token:", "networks: [10.20.0.0/40]\ntoken:")

    assert found(tmp_path / "named", files) == []
    assert found(tmp_path / "typo", typo) == ["contract.hosts"]


@pytest.mark.parametrize("host", ["api.acme.example:443/v1/", "API.acme.example", "xn--zo-jma.example", "203.0.114.9"])
def test_a_host_may_be_written_as_it_goes_over_the_wire(host: str, tmp_path: Folder) -> None:
    assert found(tmp_path, changed(ACME, "https://api.acme.example", f"https://{host}")) == []


def test_the_pattern_of_keys_is_a_regular_expression(tmp_path: Folder) -> None:
    assert found(tmp_path, changed(ACME, "token:", 'environments: {live: {key_pattern: "sk_(("}}\ntoken:')) == [
        "contract.value"
    ]


def test_two_vendors_cannot_have_one_host_name(tmp_path: Folder) -> None:
    files = FILES | {"other/vendor.yaml": VENDOR.replace("vendor: acme", "vendor: other")}

    assert found(tmp_path, dict(files)) == ["contract.hosts"]


@pytest.mark.parametrize(
    ("match", "pins", "code"),
    [
        pytest.param("POST /ship/{other}", "", ["contract.match"], id="the same path"),
        pytest.param("POST /ship/{other:digits}", "", ["contract.match"], id="a narrower variable"),
        pytest.param("POST /ship/now", "", ["contract.match"], id="a word that the variable takes"),
        pytest.param("PUT /ship/{other}", "", [], id="another method"),
        pytest.param("POST /ship/{other}/", "", [], id="a slash at the end"),
        pytest.param("POST /sail/{other}", "", [], id="another word"),
        pytest.param("POST /ship/{other}", "pins: {query:kind: b}\n", [], id="other pins"),
    ],
)
def test_one_call_has_one_contract(match: str, pins: str, code: list[str], tmp_path: Folder) -> None:
    variable = "path:other" if "{" in match else "$.other"
    operation = OPERATION.replace("operation: ship", "operation: sail").replace("POST /ship/{parcel}", match, 1)
    operation = operation.replace("path:parcel", variable).replace("callers:", f"{pins}callers:")
    own = OPERATION.replace("callers:", "pins: {query:kind: a}\ncallers:") if pins else OPERATION

    assert found(tmp_path, dict(FILES) | {SHIP: own, "acme/sail.yaml": operation}) == code


def test_two_masks_of_one_card_show_more_together(tmp_path: Folder) -> None:
    first = with_field("payment.pan", VendorKind.PAYMENT, "mask")
    second = with_field("payment.pan", VendorKind.PAYMENT, "{mask: {keep_first: 6, keep_last: 4}}")[SHIP]
    second = second.replace("operation: ship", "operation: sail").replace("/ship/", "/sail/")

    assert found(tmp_path / "one", dict(first)) == []
    assert found(tmp_path / "two", first | {"acme/sail.yaml": second}) == ["contract.cards"]


@pytest.mark.parametrize("key", ["of: consignee", "required: all", "purpose: delivery", "legal_basis: consent"])
def test_a_key_of_what_leaves_means_nothing_in_an_answer(key: str, tmp_path: Folder) -> None:
    own = changed(SHIP, "    - why: Shown to the customer.", f"    - why: Shown to the customer.\n      {key}")
    shared = changed(
        ACME, "    - why: The SDK chooses its exception by it.", f"    - why: The SDK needs it.\n      {key}"
    )

    assert found(tmp_path / "own", own) == ["contract.unknown_key"]
    assert found(tmp_path / "shared", shared) == ["contract.unknown_key"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("ref: order", "ref: path:nobody", id="who it is"),
        pytest.param("ref: order", "ref: {earlier: path:nobody}", id="the number of an earlier call"),
        pytest.param("ref: order", "ref: order, jurisdiction: path:nobody", id="the law"),
        pytest.param("order: $.order", "order: path:nobody", id="the order"),
        pytest.param("form: pseudonymise", "form: pseudonymise\n      when: {path:nobody: [x]}", id="a condition"),
    ],
)
def test_a_segment_that_the_path_does_not_have_is_found_wherever_it_is_asked_for(
    tmp_path: Folder, old: str, new: str
) -> None:
    assert found(tmp_path, changed(SHIP, old, new)) == ["contract.path"]
    assert found(tmp_path, changed(SHIP, old, new.replace("nobody", "parcel"))) == []


def test_two_segments_with_one_name_do_not_load(tmp_path: Folder) -> None:
    assert found(tmp_path, changed(SHIP, "/ship/{parcel}", "/{parcel}/{parcel:digits}")) == ["contract.match"]


@pytest.mark.parametrize("header", ["Content-Type", "user-agent", "Host"])
@pytest.mark.parametrize("file", [ACME, SHIP])
def test_a_credential_stands_in_no_header_that_the_gateway_writes_itself(
    file: str, header: str, tmp_path: Folder
) -> None:
    text = FILES[file] if "credential:\n" in FILES[file] else f"{FILES[file]}credential:\n"
    named = text.replace("credential:\n", f"credential:\n  header:{header}: text/x\n")

    assert found(tmp_path, dict(FILES) | {file: named}) == ["contract.path"]
