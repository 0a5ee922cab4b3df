"""A set loads whole or not at all, and whatever is wrong is found with its file and line."""

from dataclasses import dataclass
from pathlib import Path as Folder

import pytest
from small_contracts import FILES, OPERATION, VENDOR, changed, read_files

from gateway.contract.load import load, read
from gateway.contract.terms import Host
from gateway.errors import ContractError
from gateway.vocabulary import PROHIBITED_PURPOSES, LegalBasis

SHIP, ACME, POLICY_FILE, ENTITIES_FILE = "acme/ship.yaml", "acme/vendor.yaml", "policy.yaml", "entities.yaml"


@dataclass(frozen=True, slots=True)
class Broken:
    """One change that breaks a file, the finding it must lead to, and a text on the line where it must be found."""

    code: str
    file: str
    old: str
    new: str
    on: str = ""


GROUPS = "  groups:\n    - why: The"
BODY = "  body: json\n" + GROUPS
REFUSED = """\
    - {why: Never comes here., form: refuse, fields: {$.name.first: person.name}}
    - {why: And neither this., fields: {$.name.first.a: person.name}}
answer:
"""
BROKEN = {
    "an unknown key": Broken("contract.unknown_key", SHIP, "version: 1\n", "version: 1\ncolour: red\n", "colour"),
    "an unknown key of a group": Broken(
        "contract.unknown_key", SHIP, "form: pseudonymise\n", "form: pseudonymise\n      mask: x\n", "mask: x"
    ),
    "an unknown key of a vendor": Broken("contract.unknown_key", ACME, "kind:", "pet: cat\nkind:", "pet"),
    "a document of another format in a text": Broken(
        "contract.value", SHIP, BODY, "  body: json\n  nested: {$.a: none}\n" + GROUPS, ""
    ),
    "a document in a text in another coding": Broken(
        "contract.value", SHIP, BODY, "  body: json\n  nested: {$.a: {body: json, encoding: [br]}}\n" + GROUPS, ""
    ),
    "dots in a path": Broken("contract.match", SHIP, "match: POST /", "match: POST /../", "match"),
    "nothing between slashes": Broken("contract.match", SHIP, "match: POST /", "match: POST //", "match"),
    "a code that there is not": Broken(
        "contract.value", SHIP, "    sends: |\n      POST /ship/P-1\n", "    refuses: field.typ\n", "name: one"
    ),
    "a token in no known place": Broken("contract.path", ACME, "token: [header:", "token: [", "token"),
    "one field and no list": Broken("contract.category", SHIP, "{$.order: order.id}", "$.order", "Matches"),
    "no version": Broken("contract.missing", SHIP, "version: 1\n", ""),
    "no grounds": Broken("contract.missing", SHIP, ", legal_basis: legitimate_interest", "", "consignee"),
    "no registration": Broken("contract.missing", ACME, " registration: HRB 1 Bonn,", "", "legal_entity"),
    "no review": Broken("contract.missing", ACME, "review: 2030-01-31\n", ""),
    "a version in quotes": Broken("contract.value", SHIP, "version: 1", 'version: "1"', "version"),
    "a version that is true": Broken("contract.value", SHIP, "version: 1", "version: true", "version"),
    "version nought": Broken("contract.value", SHIP, "version: 1", "version: 0", "version"),
    "a status that there is not": Broken("contract.value", SHIP, "status: enforce", "status: live", "status"),
    "observing": Broken("contract.value", SHIP, "status: enforce", "status: observe\nuntil: 2026-12-31", "status"),
    "observing without an end": Broken("contract.missing", SHIP, "status: enforce", "status: observe", ""),
    "a date that is none": Broken("contract.value", ACME, "review: 2030-01-31", "review: 2030-02-31", "review"),
    "a date as a number": Broken("contract.value", ACME, "review: 2030-01-31", "review: 20300131", "review"),
    "a moment as a number": Broken(
        "contract.value", POLICY_FILE, "published: 2026-01-01T00:00:00+01:00", "published: 1", "published"
    ),
    "a moment without offset": Broken(
        "contract.value", POLICY_FILE, "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00", "published"
    ),
    "a time zone that there is not": Broken(
        "contract.value", POLICY_FILE, "Europe/Berlin", "Europe/Atlantis", "time_zone"
    ),
    "a size without a unit": Broken(
        "contract.value", SHIP, BODY, "  body: json\n  max_bytes: 64\n" + GROUPS, "max_bytes"
    ),
    "a size above the ceiling": Broken(
        "contract.value", SHIP, BODY, "  body: json\n  max_bytes: 9 MiB\n" + GROUPS, "max_bytes"
    ),
    "a duration in words": Broken("contract.value", SHIP, "P90D", "90 days", "retention"),
    "a body of another format": Broken(
        "contract.value", SHIP, "sending:\n  body: json", "sending:\n  body: csv", "  body: csv"
    ),
    "yes for a flag": Broken(
        "contract.value", SHIP, "legitimate_interest}", "legitimate_interest, optional: yes}", "consignee"
    ),
    "a role that there is not": Broken("contract.value", SHIP, "consignee:", "neighbour:", "neighbour"),
    "a country that there is not": Broken("contract.value", ACME, "[DE]", "[XX]", "countries"),
    "a jurisdiction that there is not": Broken("contract.value", ACME, "{EU: none", "{Europe: none", "transfer"),
    "a company that there is not": Broken("contract.value", ACME, "id: DPA-1", "id: DPA-1, entities: [shop-us]", ""),
    "two hosts and no choice": Broken(
        "contract.value",
        ACME,
        "{acme: https://api.acme.example}",
        "{acme: https://api.acme.example, acme-two: https://two.acme.example}",
    ),
    "another name than the file's": Broken("contract.name", SHIP, "operation: ship", "operation: send", "operation"),
    "another name than the folder's": Broken("contract.name", ACME, "vendor: acme", "vendor: other", "vendor: other"),
    "no why": Broken(
        "contract.why", SHIP, "    - why: Matches our books again.\n      fields", "    - fields", "- fields"
    ),
    "a why of one word": Broken("contract.why", SHIP, "Matches our books again.", "Books", "Books"),
    "a header without a why": Broken(
        "contract.why", ACME, "Says in which version the SDK speaks.", "Version", "Acme-V"
    ),
    "a match without a method": Broken("contract.match", SHIP, "match: POST /ship", "match: /ship", "match"),
    "a match with two variables in a segment": Broken(
        "contract.match", SHIP, "/ship/{parcel}", "/ship/{parcel}-{part}", "match"
    ),
    "a variable of a kind that there is not": Broken(
        "contract.match", SHIP, "{parcel}\ncallers", "{parcel:word}\ncallers", "match"
    ),
    "a segment that nothing names": Broken(
        "contract.match", SHIP, "        path:parcel: shipment.tracking\n", "", "match"
    ),
    "a field for a segment that there is not": Broken(
        "contract.path", SHIP, "match: POST /ship/{parcel}", "match: POST /ship", "match"
    ),
    "a path with a position": Broken("contract.path", SHIP, "$.name: person", "$.names[0]: person", "names"),
    "a path with two dots": Broken("contract.path", SHIP, "$.name: person", "$..name: person", "$..name"),
    "a place of evidence that is no path": Broken("contract.path", SHIP, "order: $.order,", "order: $.*x,", "evidence"),
    "required and not in fields": Broken(
        "contract.path", SHIP, "form: pseudonymise", "required: [$.other]\n      form: pseudonymise", "required"
    ),
    "a body path without a body": Broken(
        "contract.path", SHIP, "sending:\n  body: json", "sending:\n  body: none", "$.name: person"
    ),
    "an idempotency key that no group lets out": Broken(
        "contract.path", SHIP, "sending:", "retry: {attempts: 2, key: header:Key}\nsending:", "retry"
    ),
    "a header that never leaves": Broken("contract.path", SHIP, "$.name: person", "header:Cookie: person", "Cookie"),
    "a header of the gateway's own": Broken("contract.path", SHIP, "$.name: person", "header:Host: person", "Host:"),
    "a vendor's header that never leaves": Broken("contract.path", ACME, "Acme-Version", "X-Forwarded-For", "X-Forw"),
    "a bad path in the vendor's errors": Broken(
        "contract.path", ACME, "[$.error.code]", "[$.error..code]", "error..code"
    ),
    "a section that begins nowhere": Broken(
        "contract.path", SHIP, BODY, "  body: json\n  at: $..a\n" + GROUPS, "at: $..a"
    ),
    "a vendor that is nowhere": Broken("contract.missing", ACME, "hosts: {acme: https://api.acme.example}\n", ""),
    "a category twice over": Broken(
        "contract.category", SHIP, "form: pseudonymise", "category: order.id\n      form: pseudonymise", "Matches"
    ),
    "what an answer never carries": Broken(
        "contract.category", SHIP, "{$.id: shipment.tracking}", "{$.id: session.secret}", "$.id"
    ),
    "what the errors of an operation never carry": Broken(
        "contract.category",
        SHIP,
        "      fields: {$.id: shipment.tracking}\n",
        "      fields: {$.id: shipment.tracking}\n  errors:\n    body: json\n    groups:\n"
        "      - {why: The SDK needs it here., fields: {$.pin: account.password}}\n",
        "$.pin",
    ),
    "what the errors of a vendor never carry": Broken(
        "contract.category", ACME, "category: not_personal", "category: payment.cvv", "$.error.code"
    ),
    "a token place that is no path": Broken("contract.path", ACME, "[header:Authorization]", "[$..key]", "$..key"),
    "a field named twice": Broken(
        "contract.twice", SHIP, "$.order: order.id}", "$.order: order.id, $.name: person.name}", "fields: {$.order"
    ),
    "a path twice in a list": Broken(
        "contract.twice", ACME, "[$.error.code]", "[$.error.code, $.error.code]", "- why: The SDK"
    ),
    "a field inside a refused one": Broken("contract.twice", SHIP, "answer:\n", REFUSED, "first.a"),
    "a list of fields without category": Broken(
        "contract.category", SHIP, "fields: {$.order: order.id}", "fields: [$.order]", "Matches"
    ),
    "a category that there is not": Broken("contract.category", SHIP, "person.name", "person.shoe", "person.shoe"),
    "a form that there is not": Broken("contract.form", SHIP, "form: pseudonymise", "form: sha256", "sha256"),
    "a form of a later version": Broken("contract.form", SHIP, "form: pseudonymise", "form: {link: {}}", "link"),
    "a form without its argument": Broken("contract.form", SHIP, "form: pseudonymise", "form: truncate", "truncate"),
    "a basis that there is not": Broken("contract.basis", SHIP, "legitimate_interest", "curiosity", "consignee"),
    "a prohibited purpose": Broken(
        "contract.purpose", SHIP, "purpose: delivery", "purpose: direct_marketing", "direct"
    ),
    "YAML that does not parse": Broken("contract.value", SHIP, "callers: [fulfilment]", "callers: [fulfilment", ""),
    "an anchor": Broken("contract.value", SHIP, "owner: fulfilment", "owner: &me fulfilment", "owner"),
    "a key twice": Broken("contract.value", SHIP, "version: 1\n", "version: 1\nversion: 1\n", ""),
    "an example that both sends and refuses": Broken(
        "contract.value", SHIP, "    sends: |", "    refuses: field.type\n    sends: |", "name: one"
    ),
    "an enforced operation without examples": Broken(
        "contract.example", SHIP, OPERATION[OPERATION.index("examples:") :], ""
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_found_where_it_stands(broken: Broken, tmp_path: Folder) -> None:
    files = changed(broken.file, broken.old, broken.new)

    contracts, findings = read_files(tmp_path, files)

    assert contracts is None
    found = [finding for finding in findings if finding.code == broken.code]
    assert found, [str(finding) for finding in findings]
    lines = files[found[0].file].splitlines()
    assert broken.on in lines[found[0].line - 1], str(found[0])


@pytest.mark.parametrize("purpose", sorted(PROHIBITED_PURPOSES))
@pytest.mark.parametrize("at", ["purpose: delivery", "  groups:\n    - why: The"])
def test_no_prohibited_purpose_loads_for_a_call_nor_for_a_part_of_it(at: str, purpose: str, tmp_path: Folder) -> None:
    whole = f'purpose: "{purpose}"'
    new = whole if at.startswith("purpose") else at.replace("- why", f"- {whole}\n      why")

    contracts, findings = read_files(tmp_path, changed(SHIP, at, new))

    assert contracts is None
    assert [(finding.code, finding.message) for finding in findings if finding.code == "contract.purpose"] == [
        ("contract.purpose", "this purpose is prohibited by the policy")
    ]


def test_the_files_that_are_broken_here_load_when_they_are_not(tmp_path: Folder) -> None:
    contracts, findings = read_files(tmp_path, FILES)

    assert contracts is not None
    assert findings == ()
    [terms] = contracts.terms
    assert terms.contract == "acme/ship@1"
    assert terms.template == "/ship/{parcel}"
    assert terms.host == Host("acme", "https://api.acme.example", ())
    assert terms.subjects[0].bases == {"default": LegalBasis.LEGITIMATE_INTEREST}


@pytest.mark.parametrize("gone", ["policy.yaml", "entities.yaml", "acme/vendor.yaml"])
def test_a_file_that_is_missing_is_found(gone: str, tmp_path: Folder) -> None:
    contracts, findings = read_files(tmp_path, {name: text for name, text in FILES.items() if name != gone})

    assert contracts is None
    assert [(finding.code, finding.file, finding.line) for finding in findings] == [("contract.missing", gone, 1)]


def test_a_folder_that_is_missing_is_found(tmp_path: Folder) -> None:
    contracts, findings = read(tmp_path / "nowhere")

    assert contracts is None
    assert [finding.code for finding in findings] == ["contract.missing"]


def test_a_file_in_another_encoding_is_found(tmp_path: Folder) -> None:
    read_files(tmp_path, FILES)
    (tmp_path / SHIP).write_bytes(OPERATION.encode("utf-16"))

    contracts, findings = read(tmp_path)

    assert contracts is None
    assert [finding.file for finding in findings] == [SHIP]


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Folder) -> None:
    files = changed(SHIP, "version: 1", "version: 0", changed(ACME, "review: 2030-01-31\n", ""))
    files = changed(POLICY_FILE, "Berlin", "Atlantis", files)

    _, findings = read_files(tmp_path, files)

    # The operations of a vendor that is not read are not looked at.
    assert [finding.file for finding in findings] == [ACME, POLICY_FILE]


def test_two_keys_that_are_missing_in_one_place_are_both_told(tmp_path: Folder) -> None:
    files = changed(ACME, "review: 2030-01-31\n", "", changed(ACME, "countries: [DE]\n", ""))

    _, findings = read_files(tmp_path, files)

    assert [finding.message for finding in findings] == ["`countries` is missing", "`review` is missing"]


def test_loading_raises_with_every_error(tmp_path: Folder) -> None:
    read_files(tmp_path, changed(SHIP, "version: 1", "version: 0"))

    with pytest.raises(ContractError, match=r"acme/ship\.yaml:2: contract\.value: ") as caught:
        load(tmp_path)

    assert len(caught.value.findings) == 1


def test_one_mistake_in_a_vendor_is_told_once_for_all_operations(tmp_path: Folder) -> None:
    other = OPERATION.replace("operation: ship", "operation: sail").replace("/ship/", "/sail/")
    files = changed(ACME, "[$.error.code]", "[$.error..code]") | {"acme/sail.yaml": other}

    _, findings = read_files(tmp_path, files)

    assert [(finding.code, finding.file) for finding in findings] == [("contract.path", ACME)]


def test_the_digest_of_terms_covers_operation_and_vendor(tmp_path: Folder) -> None:
    sets = [FILES, changed(SHIP, "P90D", "P91D"), changed(ACME, "Weg 1", "Weg 2")]

    digests = set()
    for number, files in enumerate(sets):
        contracts, _ = read_files(tmp_path / str(number), files)
        assert contracts is not None
        digests.add(contracts.terms[0].digest)

    assert len(digests) == 3


def test_a_sandbox_puts_every_host_on_this_machine(tmp_path: Folder) -> None:
    read_files(tmp_path, FILES)

    played = load(tmp_path, sandbox={"acme": "http://127.0.0.1:9000"})
    elsewhere = load(tmp_path, sandbox={"other": "http://127.0.0.1:9000"})

    assert played.terms[0].host.url == "http://127.0.0.1:9000"
    assert elsewhere.terms[0].host.url.startswith("http://127.0.0.1:")


def test_an_environment_replaces_hosts_and_credential(tmp_path: Folder) -> None:
    sandbox = (
        "environments:\n  sandbox:\n    hosts: {acme: https://test.acme.example}\n"
        "    credential: {header:Authorization: Bearer $ACME_TEST_KEY}\n"
    )
    read_files(tmp_path, FILES | {ACME: VENDOR + sandbox})

    live, test = load(tmp_path, environment="live").terms[0], load(tmp_path, environment="sandbox").terms[0]

    assert (live.host.url, *live.credentials.values()) == ("https://api.acme.example", "Bearer $ACME_KEY")
    assert (test.host.url, *test.credentials.values()) == ("https://test.acme.example", "Bearer $ACME_TEST_KEY")


@pytest.mark.parametrize(
    ("own", "in_trials", "in_earnest"), [("", False, False), ("test_subjects_only: true\n", True, True)]
)
@pytest.mark.parametrize("there", [None, True, False])
def test_whether_trials_are_for_made_up_people_alone_is_said_for_an_environment_or_for_all(
    tmp_path: Folder, own: str, *, in_trials: bool, in_earnest: bool, there: bool | None
) -> None:
    said = "" if there is None else f", test_subjects_only: {str(there).lower()}"
    sandbox = f"environments: {{sandbox: {{hosts: {{acme: https://test.acme.example}}{said}}}}}\n"
    read_files(tmp_path, FILES | {ACME: VENDOR + own + sandbox})

    live, test = load(tmp_path, environment="live").terms[0], load(tmp_path, environment="sandbox").terms[0]

    assert live.vendor.test_subjects_only is in_earnest
    assert test.vendor.test_subjects_only is (in_trials if there is None else there)


def test_names_that_any_contract_of_a_vendor_uses_are_known_in_all(tmp_path: Folder) -> None:
    other = OPERATION.replace("operation: ship", "operation: sail").replace("/ship/", "/sail/")
    other = other.replace("$.name: person.name", "$.captain: person.name")

    contracts, _ = read_files(tmp_path, FILES | {"acme/sail.yaml": other})

    assert contracts is not None
    assert all({"name", "captain", "order"} <= terms.sending.names for terms in contracts.terms)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("acme/other.yml", "end its name in .yaml"),
        ("acme/OTHER.YAML", "end its name in .yaml"),
        ("policy.yml", "end its name in .yaml"),
        (
            "activites.yaml",
            "there are policy.yaml, entities.yaml, activities.yaml; what is a vendor's stands in its folder",
        ),
    ],
)
def test_a_file_whose_name_is_overlooked_is_found(name: str, fix: str, tmp_path: Folder) -> None:
    _, findings = read_files(tmp_path, dict(FILES) | {name: OPERATION})

    assert [(each.code, each.file, each.fix) for each in findings] == [("contract.name", name, fix)]


def test_what_an_editor_hides_beside_a_contract_is_no_contract(tmp_path: Folder) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/.#ship.yaml").symlink_to("somebody@somewhere.1234")

    contracts, findings = read_files(tmp_path, dict(FILES) | {"acme/.ship.yaml": "{", ".policy.yaml": "{"})

    assert contracts is not None
    assert findings == ()
