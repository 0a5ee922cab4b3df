"""The contracts of a courier, with most of what a contract can say."""

CLAUSES = (
    "[confidentiality, no_marketing_use, no_sale, instructions, security, sub_processors, assistance, "
    "delete_or_return, audit]"
)
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
