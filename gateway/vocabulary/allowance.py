"""Which category a contract may let go to which kind of vendor."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.vocabulary.categories import ADDRESS_PARTS, Category
from gateway.vocabulary.purposes import Purpose
from gateway.vocabulary.vendors import VendorKind


class Verdict(StrEnum):
    """What the check of contracts says to a category at a kind of vendor.

    `yes` loads; `asks` loads, and the reviewer is told; `form` loads in the forms named only; `condition` loads
    only if all that is asked beside it is met; `no` does not load; `never` does not load, in answers neither.
    """

    YES = "yes"
    ASKS = "asks"
    FORM = "form"
    CONDITION = "condition"
    NO = "no"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Allowed:
    """A verdict, and what it depends on.

    `forms` goes with `form`. The rest goes with `condition`: the group needs this `purpose`, `consent` as its legal
    basis or the subject's, a `when`.
    """

    verdict: Verdict
    forms: frozenset[str] = frozenset()
    purpose: Purpose | None = None
    consent: bool = False
    when: bool = False


def _only(form: str) -> Allowed:
    return Allowed(Verdict.FORM, frozenset({form}))


def _row(logistics: Allowed, payment: Allowed, maintenance: Allowed) -> Mapping[VendorKind, Allowed]:
    return {VendorKind.LOGISTICS: logistics, VendorKind.PAYMENT: payment, VendorKind.MAINTENANCE: maintenance}


_YES = Allowed(Verdict.YES)
_ASKS = Allowed(Verdict.ASKS)
_NO = Allowed(Verdict.NO)
_NEVER = Allowed(Verdict.NEVER)
_SCRUB = _only("scrub")
_PSEUDONYM = _only("pseudonymise")
_MAP = _only("map")
_GENERAL = _only("generalise")
_CONSENT = Allowed(Verdict.CONDITION, consent=True)
_CUSTOMS = Allowed(Verdict.CONDITION, purpose=Purpose.CUSTOMS_CLEARANCE, when=True)

# In these nothing of the value leaves, so they are allowed for any category at any vendor.
FORMS_FOR_ANY: frozenset[str] = frozenset({"replace", "drop", "refuse"})

# One category a line and one kind of vendor a column: logistics, payment, maintenance.
# fmt: off
ALLOWANCE: Mapping[Category, Mapping[VendorKind, Allowed]] = {
    Category.NOT_PERSONAL:            _row(_YES,       _YES,       _YES),
    Category.PARCEL_MEASURE:          _row(_YES,       _YES,       _YES),
    Category.PERSON_NAME:             _row(_YES,       _ASKS,      _NO),
    Category.CONTACT_PHONE:           _row(_YES,       _ASKS,      _NO),
    Category.CONTACT_EMAIL:           _row(_CONSENT,   _ASKS,      _NO),
    Category.ADDRESS_FULL:            _row(_YES,       _ASKS,      _NO),
    Category.ADDRESS_STREET:          _row(_YES,       _ASKS,      _NO),
    Category.ADDRESS_UNIT:            _row(_YES,       _ASKS,      _NO),
    Category.ADDRESS_CITY:            _row(_YES,       _ASKS,      _NO),
    Category.ADDRESS_REGION:          _row(_YES,       _ASKS,      _NO),
    Category.ADDRESS_POSTAL_CODE:     _row(_YES,       _YES,       _NO),
    Category.ADDRESS_COUNTRY:         _row(_YES,       _YES,       _NO),
    Category.DELIVERY_NOTE:           _row(_SCRUB,     _NO,        _NO),
    Category.IDENTITY_NATIONAL_ID:    _row(_CUSTOMS,   _NO,        _NO),
    Category.IDENTITY_PASSPORT:       _row(_CUSTOMS,   _NO,        _NO),
    Category.PAYMENT_TOKEN:           _row(_NO,        _YES,       _NO),
    Category.PAYMENT_AMOUNT:          _row(_ASKS,      _YES,       _NO),
    Category.PAYMENT_BILLING_ADDRESS: _row(_NO,        _ASKS,      _NO),
    Category.PAYMENT_PAN:             _row(_NO,        _ASKS,      _NO),
    Category.PAYMENT_EXPIRY:          _row(_NO,        _ASKS,      _NO),
    Category.PAYMENT_BANK_ACCOUNT:    _row(_NO,        _ASKS,      _NO),
    Category.ORDER_ID:                _row(_PSEUDONYM, _YES,       _PSEUDONYM),
    Category.ORDER_ITEMS:             _row(_MAP,       _MAP,       _NO),
    Category.ORDER_DECLARED_VALUE:    _row(_YES,       _ASKS,      _NO),
    Category.SHIPMENT_TRACKING:       _row(_YES,       _ASKS,      _NO),
    Category.SERVICE_CONSULTATION:    _row(_NO,        _NO,        _NO),
    Category.SERVICE_AFTER_SALES:     _row(_NO,        _NO,        _NO),
    Category.SERVICE_REVIEW:          _row(_NO,        _NO,        _NO),
    Category.TECH_MESSAGE:            _row(_NO,        _NO,        _SCRUB),
    Category.TECH_DEVICE:             _row(_NO,        _ASKS,      _YES),
    Category.TECH_USER_AGENT:         _row(_NO,        _ASKS,      _YES),
    Category.TECH_IP:                 _row(_NO,        _ASKS,      _GENERAL),
    Category.TECH_DEVICE_ID:          _row(_NO,        _PSEUDONYM, _PSEUDONYM),
    Category.TECH_COOKIE_ID:          _row(_NO,        _PSEUDONYM, _PSEUDONYM),
    Category.ACCOUNT_ID:              _row(_NO,        _PSEUDONYM, _PSEUDONYM),
    Category.BEHAV_BROWSING:          _row(_NO,        _NO,        _GENERAL),
    Category.BEHAV_PRODUCT_VIEW:      _row(_NO,        _NO,        _GENERAL),
    Category.BEHAV_SEARCH:            _row(_NO,        _NO,        _GENERAL),
    Category.BEHAV_ORDER_LOG:         _row(_NO,        _NO,        _GENERAL),
    Category.BEHAV_ACCESS_TIME:       _row(_NO,        _NO,        _GENERAL),
    Category.GEO_PRECISE:             _row(_ASKS,      _NO,        _GENERAL),
    Category.GEO_COARSE:              _row(_ASKS,      _NO,        _YES),
    Category.DEMO_LANGUAGE:           _row(_ASKS,      _ASKS,      _NO),
    Category.ACCOUNT_NICKNAME:        _row(_NO,        _NO,        _NO),
    Category.ACCOUNT_SETTINGS:        _row(_NO,        _NO,        _NO),
    Category.DEMO_BIRTH_DATE:         _row(_NO,        _NO,        _NO),
    Category.DEMO_GENDER:             _row(_NO,        _NO,        _NO),
    Category.DERIVED_PREFERENCES:     _row(_NO,        _NO,        _NO),
    Category.DERIVED_AGE_RANGE:       _row(_NO,        _NO,        _NO),
    Category.MEDIA_IMAGE:             _row(_NO,        _NO,        _NO),
    Category.CHILD_FLAG:              _row(_NO,        _NO,        _NO),
    Category.PREF_PRIVACY:            _row(_NO,        _NO,        _NO),
    Category.ACCOUNT_PASSWORD:        _row(_NEVER,     _NEVER,     _NEVER),
    Category.SESSION_SECRET:          _row(_NEVER,     _NEVER,     _NEVER),
    Category.PAYMENT_CVV:             _row(_NEVER,     _NEVER,     _NEVER),
    Category.BEAUTY_SKIN_PROFILE:     _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_HEALTH:          _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_BIOMETRIC:       _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_ETHNICITY:       _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_RELIGION:        _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_POLITICS:        _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_UNION:           _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_SEXUAL:          _row(_NEVER,     _NEVER,     _NEVER),
    Category.SPECIAL_CRIMINAL:        _row(_NEVER,     _NEVER,     _NEVER),
    Category.UNCLASSIFIED:            _row(_NEVER,     _NEVER,     _NEVER),
}
# fmt: on

# What is done after a sale is either paid back or sent back: a refund needs no address, a return no amount.
NOT_AFTER_SALES: Mapping[VendorKind, frozenset[Category]] = {
    VendorKind.LOGISTICS: frozenset({Category.PAYMENT_AMOUNT}),
    VendorKind.PAYMENT: ADDRESS_PARTS | {Category.ADDRESS_FULL, Category.PAYMENT_BILLING_ADDRESS},
    VendorKind.MAINTENANCE: frozenset(),
}

# What no contract lets out or back in; only an exceptional disclosure can hold some of it.
NEVER_LEAVES: frozenset[Category] = frozenset(
    category for category, row in ALLOWANCE.items() if all(cell.verdict is Verdict.NEVER for cell in row.values())
)
