"""Contracts by which the small shop tells its vendors what people asked, and of what went to one beside the gateway."""

from collections.abc import Mapping

from shop_contracts import FAULTS, FILES, POLICY
from shop_courier import PARCELS

FORGET = """\
operation: forget
version: 1
status: enforce
owner: privacy
match: POST /privacy/requests
callers: [gateway]
purpose: rights_fulfilment
evidence: {law: "GDPR, article 19"}
subjects:
  consignee: {ref: $.subject, legal_basis: legal_obligation}
retention: {vendor_keeps: P90D, why: As long as it takes to do it.}
sending:
  body: json
  groups:
    - why: What is to be done, and until when.
      category: not_personal
      fields: [$.notice, $.cause, $.due, $.until, $.categories.*]
      required: [$.notice]
    - why: The parcels that it is about, by the numbers that the courier knows.
      fields: {$.orders.*: order.id}
      form: pseudonymise
    - why: Our own numbers stay with us.
      fields: {$.subject: account.id, $.order: order.id}
      form: drop
examples:
  - name: one
    given: |
      POST /privacy/requests

      {"notice": "n-1", "cause": "erasure", "subject": "c-1", "orders": ["A-1"], "categories": ["person.name"]}
    sends: |
      POST /privacy/requests

      {"notice": "n-1", "cause": "erasure", "orders": ["psn_*"], "categories": ["person.name"]}
"""
LIST = """\
operation: forget-list
version: 1
status: enforce
owner: privacy
match: POST /privacy/lists
callers: [gateway]
purpose: rights_fulfilment
evidence: {law: "GDPR, article 19"}
subjects:
  visitor: {ref: subject, legal_basis: legal_obligation}
retention: {vendor_keeps: P90D, why: As long as it takes to do it.}
limits: {per_call: 100}
sending:
  body: json
  batch: {items: $.notices}
  groups:
    - why: Of which day it is.
      category: not_personal
      fields: [$.day]
    - why: What is to be done.
      at: $.notices.*
      category: not_personal
      fields: [notice, cause, due]
    - why: The person by the number that the monitor knows.
      at: $.notices.*
      fields: {subject: account.id}
      form: pseudonymise
examples:
  - name: one
    given: |
      POST /privacy/lists

      {"day": "2026-01-01", "notices": [{"notice": "n-1", "cause": "erasure", "subject": "c-1"}]}
    sends: |
      POST /privacy/lists

      {"day": "2026-01-01", "notices": [{"notice": "n-1", "cause": "erasure", "subject": "psn_*"}]}
"""
CLAIM = """\
operation: claim
version: 1
status: enforce
owner: support
channel: direct
callers: [support]
purpose: delivery
evidence: {assessment: LIA-1}
subjects:
  consignee: {legal_basis: {default: legitimate_interest, CN: explicit_consent}}
retention: {vendor_keeps: P90D, why: As long as the claim is open.}
sending:
  body: json
  groups:
    - why: The clerk on the telephone finds the parcel.
      of: consignee
      fields: {$.name: person.name, $.phone: contact.phone}
    - why: What was damaged.
      category: not_personal
      fields: [$.damage]
"""
TOLD: Mapping[str, str] = {
    **FILES,
    "policy.yaml": POLICY.replace("      - after_sales\n", "      - after_sales\n      - rights_fulfilment\n"),
    "parcels/vendor.yaml": f"{PARCELS}notices: {{how: https, operation: forget}}\n",
    "parcels/forget.yaml": FORGET,
}
MAILED: Mapping[str, str] = {
    **TOLD,
    "parcels/vendor.yaml": f"{PARCELS}notices: {{how: mail, to: dpo@parcels.example, operation: forget}}\n",
}
DAILY: Mapping[str, str] = {
    **TOLD,
    "faults/vendor.yaml": f"{FAULTS}notices: {{how: https, operation: forget-list, daily: true}}\n",
    "faults/forget-list.yaml": LIST,
}
