"""The contracts of a small shop: a courier, a payment processor and an error monitor, and every key of the language."""

from collections.abc import Mapping

from shop_courier import CLAUSES, DEPOTS, JOBS, PARCELS, SHIP, TRACK

POLICY = """\
markets: [EU, GB, CN]
time_zone: Europe/Berlin
versions:
  - version: "1"
    published: 2025-01-01T00:00:00+01:00
    document: sha256:0000000000000000000000000000000000000000000000000000000000000000
    purposes:
      - delivery
      - customs_clearance
      - delivery_notification
      - payment_settlement
      - after_sales
      - fault_repair
    vendor_kinds: [logistics, payment, maintenance]
"""
ENTITIES = """\
entities:
  shop-eu: {name: Shop GmbH, country: DE, contact: privacy@shop.example}
  shop-uk: {name: Shop Ltd, country: GB, contact: privacy@shop.example}
"""
PAYMENTS = """\
vendor: payments
kind: payment
role: controller
legal_entity: {name: Payments AS, registration: CVR 1, address: "Vej 1, Aarhus", contact: dpo@payments.example}
countries: [DK]
agreements:
  - {type: c2c_sharing, id: C2C-1, signed: 2025-01-01, until: 2095-12-31,
     clauses: [confidentiality, no_marketing_use, no_sale]}
transfer: {default: none_domestic, EU: none_domestic, GB: adequacy, CN: cn_contract_necessity}
review: 2095-01-31
hosts: {payments: "https://api.payments.test:@payments@"}
networks: [127.0.0.0/8]
token: [header:Authorization, $.api_key]
credential:
  header:Authorization: Basic $PAYMENTS_ACCOUNT:$PAYMENTS_KEY
  $.api_key: $PAYMENTS_KEY
refusals: {failure: {reason: $code, text: $message}}
"""
CHARGE = """\
operation: charge
version: 1
status: enforce
owner: checkout
match: POST /accounts/{account}/charges
callers: [checkout]
purpose: payment_settlement
evidence: {order: "$.metadata.order"}
subjects:
  payer: {ref: $.customer, legal_basis: performance_of_contract}
retention: {vendor_keeps: P5Y, why: The law on bookkeeping.}
credential: {path:account: $PAYMENTS_ACCOUNT}
sending:
  body: form
  groups:
    - why: How much is paid, and by which card.
      fields: {$.amount: payment.amount, $.source: payment.token}
      required: all
    - why: The ways of paying.
      category: not_personal
      fields: [$.methods.*]
    - why: Finds the charge in our books.
      category: order.id
      fields: [$.metadata.order]
      form: pseudonymise
    - why: Who it is stays with us.
      fields: {$.customer: account.id}
      form: drop
answer:
  body: json
  groups:
    - why: The shop refunds by it.
      fields: {$.id: payment.token, $.status: not_personal}
examples:
  - name: one
    given: |
      POST /accounts/acct/charges

      amount=1&source=tok_1&customer=c-1&metadata[order]=A-1
    sends: |
      POST /accounts/$PAYMENTS_ACCOUNT/charges

      amount=1&source=tok_1&metadata[order]=psn_*
"""
REFUND = """\
operation: refund
version: 1
status: enforce
owner: checkout
match: POST /charges/{charge}/refund
callers: [checkout]
purpose: after_sales
evidence: {law: "Directive 2011/83/EU, article 13"}
subjects:
  payer: {ref: {earlier: path:charge}, legal_basis: legal_obligation}
retention: {vendor_keeps: P5Y, why: The law on bookkeeping.}
sending:
  body: form
  groups:
    - why: Which charge is paid back, and how much of it.
      fields: {path:charge: payment.token, $.amount: payment.amount}
examples:
  - name: one
    given: POST /charges/ch_1/refund
    sends: POST /charges/ch_1/refund
"""
FAULTS = f"""\
vendor: faults
kind: maintenance
role: processor
legal_entity: {{name: Faults OY, registration: R 1, address: "Sadama 3, Tallinn", contact: dpo@faults.example}}
countries: [EE]
agreements:
  - {{type: dpa, id: DPA-2, signed: 2025-01-01, until: 2095-12-31, clauses: {CLAUSES}}}
transfer: {{default: none_domestic, EU: none_domestic, GB: adequacy, CN: cn_contract_necessity}}
review: 2095-01-31
hosts: {{faults: "https://in.faults.test:@faults@"}}
networks: [127.0.0.0/8]
token: [header:X-Faults-Auth, query:key]
credential:
  header:X-Faults-Auth: Faults key=$FAULTS_KEY, version=1
  query:key: $FAULTS_KEY
"""
REPORT = """\
operation: report
version: 1
status: enforce
owner: platform
match: POST /api/events
callers: [checkout, shop-web]
purpose: fault_repair
evidence: {assessment: LIA-2}
subjects:
  visitor: {legal_basis: {default: legitimate_interest, CN: consent}}
retention: {vendor_keeps: P90D, why: Time to mend a fault.}
sending:
  body: json
  max_bytes: 8 MiB
  when_empty: accept
  groups:
    - why: Which build failed.
      category: not_personal
      fields: [$.release, $.level]
    - why: How many people one fault concerns.
      fields: {$.user.id: account.id}
      form: pseudonymise
    - why: What else an SDK collects stays here.
      fields: {$.user: contact.email, $.extra: unclassified}
      form: drop
answer:
  body: json
  groups:
    - why: Finds the report again.
      fields: {$.id: not_personal}
examples:
  - name: one
    given: |
      POST /api/events

      {"release": "shop@1.2.3"}
    sends: |
      POST /api/events

      {"release": "shop@1.2.3"}
"""
SURVEY = """\
operation: survey
version: 1
status: enforce
owner: platform
match: POST /api/surveys
callers: [shop-web]
purpose: fault_repair
subjects:
  visitor: {ref: $.user, legal_basis: consent}
retention: {vendor_keeps: P90D, why: Time to mend a fault.}
sending:
  body: json
  groups:
    - why: Which page was slow.
      category: not_personal
      fields: [$.page]
    - why: Who it was stays with us.
      fields: {$.user: account.id}
      form: drop
examples:
  - name: one
    consents: [fault_repair]
    given: |
      POST /api/surveys

      {"user": "c-1", "page": "cart"}
    sends: |
      POST /api/surveys

      {"page": "cart"}
"""
FILES: Mapping[str, str] = {
    "policy.yaml": POLICY,
    "entities.yaml": ENTITIES,
    "parcels/vendor.yaml": PARCELS,
    "parcels/ship.yaml": SHIP,
    "parcels/track.yaml": TRACK,
    "parcels/depot-hours.yaml": DEPOTS.format(name="depot-hours", view="hours"),
    "parcels/depot-full.yaml": DEPOTS.format(name="depot-full", view="full"),
    "parcels/pickup.yaml": JOBS.format(name="pickup", field="parcels"),
    "parcels/supply.yaml": JOBS.format(name="supply", field="boxes"),
    "payments/vendor.yaml": PAYMENTS,
    "payments/charge.yaml": CHARGE,
    "payments/refund.yaml": REFUND,
    "faults/vendor.yaml": FAULTS,
    "faults/report.yaml": REPORT,
    "faults/survey.yaml": SURVEY,
}
SECRETS: Mapping[str, str] = {
    "PARCELS_KEY": "pk-parcels-7Qx2",
    "PAYMENTS_ACCOUNT": "acct-9931",
    "PAYMENTS_KEY": "pk-payments-8Wz3",
    "FAULTS_KEY": "pk-faults-9Ry4",
}
FACTS = (
    {
        "kind": "order",
        "order": "A-10045",
        "people": [
            {"role": "purchaser", "subject": "c-88", "jurisdiction": "DE"},
            {"role": "consignee", "subject": "c-89", "jurisdiction": "DE"},
        ],
    },
    {"kind": "subject", "subject": "c-90", "jurisdiction": "DE"},
)
