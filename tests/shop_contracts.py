"""The contracts of a small shop: a courier, a payment processor and an error monitor, and every key of the language."""

from collections.abc import Mapping

CLAUSES = (
    "[confidentiality, no_marketing_use, no_sale, instructions, security, sub_processors, assistance, "
    "delete_or_return, audit]"
)
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
PARCELS = f"""\
vendor: parcels
kind: logistics
role: processor
legal_entity: {{name: Parcels GmbH, registration: HRB 1 Bonn, address: "Weg 1, Bonn", contact: dpo@parcels.example}}
countries: [DE]
agreements:
  - {{type: dpa, id: DPA-1, entities: [shop-eu], signed: 2025-01-01, until: 2095-12-31, clauses: {CLAUSES}}}
transfer: {{default: none_domestic, EU: none_domestic, GB: adequacy, CN: cn_contract_necessity}}
review: 2095-01-31
hosts: {{parcels: "https://api.parcels.test:@parcels@/api"}}
networks: [127.0.0.0/8]
headers: {{Parcels-Version: Says in which version the SDK speaks.}}
token: [header:Authorization]
credential: {{header:Authorization: Bearer $PARCELS_KEY}}
no_retry: {{Parcels-Retry: never}}
errors:
  body: json
  groups:
    - why: The SDK chooses its exception by it.
      category: not_personal
      fields: [$.error.code]
"""
SHIP = """\
operation: ship
version: 1
status: enforce
owner: fulfilment
match: POST /shipments
callers: [fulfilment]
purpose: delivery
evidence: {order: $.reference, assessment: LIA-1, law: Customs law}
subjects:
  purchaser: {ref: order, legal_basis: performance_of_contract}
  consignee:
    ref: order
    jurisdiction: $.to.country
    legal_basis: {default: legitimate_interest, CN: explicit_consent}
    optional: true
retention: {vendor_keeps: P90D, why: As long as claims can come.}
retry: {attempts: 2, key: header:Idempotency-Key}
sending:
  body: json
  max_bytes: 8 KiB
  groups:
    - why: The driver finds the door and can call.
      of: consignee
      at: $.to
      fields: {name: person.name, city: address.city, country: address.country}
    - why: The driver calls from a number that shows only its end.
      of: consignee
      fields: {$.to.phone: contact.phone}
      form: mask
    - why: The label has room for five signs.
      of: consignee
      fields: {$.to.unit: address.unit}
      form: {truncate: 5}
    - why: The courier writes only to people who asked for it.
      of: consignee
      purpose: delivery_notification
      legal_basis: consent
      fields: {$.to.email: contact.email}
    - why: These countries let no parcel in without the number.
      of: consignee
      purpose: customs_clearance
      legal_basis: legal_obligation
      when: {$.to.country: [BR, CN]}
      fields: {$.to.tax_id: identity.national_id}
    - why: What is in it concerns nobody.
      of: purchaser
      fields: {$.items.*.title: order.items}
      form: {replace: Goods}
    - why: The price of the transport.
      category: parcel.measure
      fields: [$.items.*.quantity, $.weight]
      required: [$.weight]
    - why: How the label is printed.
      category: not_personal
      fields: [query:label, $.service]
    - why: Finds the order again; a repeated call makes one label.
      of: purchaser
      category: order.id
      fields: [$.reference, header:Idempotency-Key]
      form: pseudonymise
      required: [$.reference]
    - why: What customers write to us may say anything.
      of: purchaser
      fields: {$.note: delivery.note}
      form: drop
    - why: A parcel never carries a card.
      of: purchaser
      fields: {$.payment: payment.pan}
      form: refuse
answer:
  body: json
  groups:
    - why: The customer follows the parcel.
      fields: {$.tracking: shipment.tracking}
    - why: Whether it was accepted.
      category: not_personal
      fields: [$.status, header:Parcels-Depot]
examples:
  - name: one
    given: |
      POST /shipments

      {"reference": "A-1", "weight": 1}
    sends: |
      POST /shipments

      {"reference": "psn_*", "weight": 1}
"""
TRACK = """\
operation: track
version: 1
status: enforce
owner: fulfilment
match: GET /shipments/{parcel}
callers: [fulfilment, support]
purpose: delivery
evidence: {assessment: LIA-1}
subjects:
  consignee: {ref: {earlier: path:parcel}, legal_basis: {default: legitimate_interest, CN: explicit_consent}}
retention: {vendor_keeps: P30D, why: As long as questions come.}
sending:
  body: none
  groups:
    - why: Says which parcel is asked for.
      fields: {path:parcel: shipment.tracking}
      required: all
answer:
  body: json
  groups:
    - why: Shown to the customer.
      fields: {$.status: not_personal}
examples:
  - name: one
    given: GET /shipments/T-1
    sends: GET /shipments/T-1
"""
DEPOTS = """\
operation: {name}
version: 1
status: enforce
owner: fulfilment
match: GET /depots/{{depot:digits}}
pins: {{query:view: {view}}}
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {{vendor_keeps: P1D, why: As long as logs are kept.}}
sending:
  body: none
  groups:
    - why: Says which depot is asked about.
      category: not_personal
      fields: [path:depot]
answer:
  body: json
  groups:
    - why: Shown to the warehouse.
      fields: {{$.open: not_personal}}
examples:
  - name: one
    given: GET /depots/7?view={view}
    sends: GET /depots/7?view={view}
"""
JOBS = """\
operation: {name}
version: 1
status: enforce
owner: fulfilment
match: POST /jobs
pins: {{$.kind: {name}}}
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {{vendor_keeps: P1D, why: As long as logs are kept.}}
sending:
  body: json
  groups:
    - why: Says how much is to be done.
      category: not_personal
      fields: [$.{field}]
examples:
  - name: one
    given: |
      POST /jobs

      {{"kind": "{name}", "{field}": 2}}
    sends: |
      POST /jobs

      {{"kind": "{name}", "{field}": 2}}
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
