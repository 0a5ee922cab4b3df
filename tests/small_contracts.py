"""A set of contract files as small as it can be, to be broken in one place; and single sections out of YAML."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as Folder

from gateway.bind import Bound, bind
from gateway.contract.compile import Defaults, Source, compile_section
from gateway.contract.load import ContractSet, read
from gateway.contract.model import Sending
from gateway.contract.strict_yaml import read_yaml
from gateway.contract.terms import Origin, Section
from gateway.errors import Finding
from gateway.paths import Place
from gateway.vocabulary import Purpose, SubjectRole, VendorKind

POLICY = """\
markets: [EU]
time_zone: Europe/Berlin
versions:
  - version: "1"
    published: 2026-01-01T00:00:00+01:00
    document: sha256:0000000000000000000000000000000000000000000000000000000000000000
    purposes: [delivery]
    vendor_kinds: [logistics]
"""
ENTITIES = """\
entities:
  shop-eu: {name: Shop GmbH, country: DE, contact: privacy@shop.example}
"""
VENDOR = """\
vendor: acme
kind: logistics
role: processor
legal_entity: {name: Acme GmbH, registration: HRB 1 Bonn, address: "Weg 1, Bonn", contact: privacy@acme.example}
countries: [DE]
agreements:
  - {type: dpa, id: DPA-1, signed: 2026-01-01, until: 2030-12-31, clauses: [confidentiality]}
transfer: {EU: none_domestic}
review: 2030-01-31
hosts: {acme: https://api.acme.example}
headers:
  Acme-Version: Says in which version the SDK speaks.
token: [header:Authorization]
credential:
  header:Authorization: Bearer $ACME_KEY
errors:
  body: json
  groups:
    - why: The SDK chooses its exception by it.
      category: not_personal
      fields: [$.error.code]
"""
OPERATION = """\
operation: ship
version: 1
status: enforce
owner: fulfilment
match: POST /ship/{parcel}
callers: [fulfilment]
purpose: delivery
evidence: {order: $.order, assessment: LIA-1}
subjects:
  consignee: {ref: order, legal_basis: legitimate_interest}
retention: {vendor_keeps: P90D, why: As long as claims can come.}
sending:
  body: json
  groups:
    - why: The driver finds the door.
      fields:
        $.name: person.name
        path:parcel: shipment.tracking
    - why: Matches our books again.
      fields: {$.order: order.id}
      form: pseudonymise
answer:
  body: json
  groups:
    - why: Shown to the customer.
      fields: {$.id: shipment.tracking}
examples:
  - name: one
    given: |
      POST /ship/P-1
    sends: |
      POST /ship/P-1
"""
FILES: dict[str, str] = {
    "policy.yaml": POLICY,
    "entities.yaml": ENTITIES,
    "acme/vendor.yaml": VENDOR,
    "acme/ship.yaml": OPERATION,
}


SHIP, ACME = "acme/ship.yaml", "acme/vendor.yaml"
PURPOSE_OF = {
    VendorKind.LOGISTICS: "delivery",
    VendorKind.PAYMENT: "payment_settlement",
    VendorKind.MAINTENANCE: "fault_repair",
}


def read_files(root: Folder, files: Mapping[str, str]) -> tuple[ContractSet | None, tuple[Finding, ...]]:
    """The set that these files make, and everything there is to say about it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return read(root)


def changed(file: str, old: str, new: str, files: Mapping[str, str] = FILES) -> dict[str, str]:
    """The files with one text in one of them replaced, which must stand there once."""
    assert files[file].count(old) == 1, old
    return dict(files) | {file: files[file].replace(old, new)}


# With a paper that opens the door.
WHOLE = changed(
    ACME,
    "clauses: [confidentiality]",
    "clauses: [confidentiality, no_marketing_use, no_sale, instructions, security, sub_processors, assistance,"
    " delete_or_return, audit]",
)


def found(tmp_path: Folder, files: dict[str, str], level: str = "error") -> list[str]:
    """The codes of what is found, each once, in order."""
    _, findings = read_files(tmp_path, files)
    return list(dict.fromkeys(finding.code for finding in findings if finding.level == level))


def with_field(category: str, kind: VendorKind, form: str = "as_is", more: str = "") -> dict[str, str]:
    """The small contract of a vendor of this kind, with one field of this category more."""
    group = f"    - why: It is under test here.\n      fields: {{$.tested: {category}}}\n      form: {form}\n{more}"
    operation = OPERATION.replace("answer:\n", f"{group}answer:\n").replace(
        "purpose: delivery", f"purpose: {PURPOSE_OF[kind]}"
    )
    operation = operation.replace("        $.name: person.name\n", "").replace(
        "shipment.tracking\n    - why: M", "not_personal\n    - why: M"
    )
    return dict(FILES) | {SHIP: operation, ACME: VENDOR.replace("logistics", kind)}


def section(
    groups: str,
    *,
    body: str = "json",
    fixed: Sequence[Place] = (),
    credentials: Sequence[tuple[Place, str]] = (),
    roles: tuple[SubjectRole, ...] = (SubjectRole.PURCHASER,),
) -> Section:
    """The section that a list of groups compiles to, in the words of a contract file."""
    made, findings = section_and_findings(groups, body=body, fixed=fixed, credentials=credentials, roles=roles)
    assert findings == []
    return made


def section_and_findings(
    groups: str,
    *,
    body: str = "json",
    fixed: Sequence[Place] = (),
    credentials: Sequence[tuple[Place, str]] = (),
    roles: tuple[SubjectRole, ...] = (SubjectRole.PURCHASER,),
) -> tuple[Section, list[Finding]]:
    sheet = read_yaml(f"body: {body}\ngroups:\n{textwrap.indent(textwrap.dedent(groups), '  ')}")
    source = Source("acme/ship.yaml", sheet)
    made = compile_section(
        Sending.model_validate(sheet.data),
        source,
        (),
        Defaults(roles, Purpose.DELIVERY),
        fixed=[(place, (), Origin.HEADER) for place in fixed],
        credentials=credentials,
    )
    return made, source.findings


def bound(
    groups: str,
    *,
    body: str = "json",
    fixed: Sequence[Place] = (),
    credentials: Sequence[tuple[Place, str]] = (),
    key: bytes = bytes(32),
    secrets: Callable[[str], str] = str,
) -> Bound:
    """The same section, joined to its forms."""
    return bind(section(groups, body=body, fixed=fixed, credentials=credentials), lambda: key, secrets)
