"""Kinds of data: where each comes from, how sensitive it is, and what others call it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Origin(StrEnum):
    """How data came to the shop; `none` is what has no one origin, or is about nobody."""

    PROVIDED = "provided"
    OBSERVED = "observed"
    DERIVED = "derived"
    NONE = "none"


class Category(StrEnum):
    """What kind of data a field holds."""

    NOT_PERSONAL = "not_personal"
    ACCOUNT_NICKNAME = "account.nickname"
    ACCOUNT_PASSWORD = "account.password"  # noqa: S105 - a category, no secret
    ACCOUNT_ID = "account.id"
    ACCOUNT_SETTINGS = "account.settings"
    SESSION_SECRET = "session.secret"  # noqa: S105 - a category, no secret
    PERSON_NAME = "person.name"
    CONTACT_PHONE = "contact.phone"
    CONTACT_EMAIL = "contact.email"
    ADDRESS_FULL = "address.full"
    ADDRESS_STREET = "address.street"
    ADDRESS_UNIT = "address.unit"
    ADDRESS_CITY = "address.city"
    ADDRESS_REGION = "address.region"
    ADDRESS_POSTAL_CODE = "address.postal_code"
    ADDRESS_COUNTRY = "address.country"
    DELIVERY_NOTE = "delivery.note"
    IDENTITY_NATIONAL_ID = "identity.national_id"
    IDENTITY_PASSPORT = "identity.passport"
    PAYMENT_PAN = "payment.pan"
    PAYMENT_EXPIRY = "payment.expiry"
    PAYMENT_CVV = "payment.cvv"
    PAYMENT_BANK_ACCOUNT = "payment.bank_account"
    PAYMENT_TOKEN = "payment.token"  # noqa: S105 - a category, no secret
    PAYMENT_AMOUNT = "payment.amount"
    PAYMENT_BILLING_ADDRESS = "payment.billing_address"
    ORDER_ID = "order.id"
    ORDER_ITEMS = "order.items"
    ORDER_DECLARED_VALUE = "order.declared_value"
    PARCEL_MEASURE = "parcel.measure"
    SHIPMENT_TRACKING = "shipment.tracking"
    SERVICE_CONSULTATION = "service.consultation"
    SERVICE_AFTER_SALES = "service.after_sales"
    SERVICE_REVIEW = "service.review"
    TECH_MESSAGE = "tech.message"
    TECH_DEVICE = "tech.device"
    TECH_DEVICE_ID = "tech.device_id"
    TECH_IP = "tech.ip"
    TECH_USER_AGENT = "tech.user_agent"
    TECH_COOKIE_ID = "tech.cookie_id"
    BEHAV_BROWSING = "behav.browsing"
    BEHAV_PRODUCT_VIEW = "behav.product_view"
    BEHAV_SEARCH = "behav.search"
    BEHAV_ORDER_LOG = "behav.order_log"
    BEHAV_ACCESS_TIME = "behav.access_time"
    DERIVED_PREFERENCES = "derived.preferences"
    DERIVED_AGE_RANGE = "derived.age_range"
    DEMO_BIRTH_DATE = "demo.birth_date"
    DEMO_GENDER = "demo.gender"
    DEMO_LANGUAGE = "demo.language"
    GEO_PRECISE = "geo.precise"
    GEO_COARSE = "geo.coarse"
    MEDIA_IMAGE = "media.image"
    BEAUTY_SKIN_PROFILE = "beauty.skin_profile"
    SPECIAL_HEALTH = "special.health"
    SPECIAL_BIOMETRIC = "special.biometric"
    SPECIAL_ETHNICITY = "special.ethnicity"
    SPECIAL_RELIGION = "special.religion"
    SPECIAL_POLITICS = "special.politics"
    SPECIAL_UNION = "special.union"
    SPECIAL_SEXUAL = "special.sexual"
    SPECIAL_CRIMINAL = "special.criminal"
    CHILD_FLAG = "child.flag"
    PREF_PRIVACY = "pref.privacy"
    UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class CategoryTerm:
    """What is known of a category.

    `sensitivity` is 0 for what is about nobody, 1 ordinary, 2 sensitive in context (PIPL 28: accounts, whereabouts,
    children), 3 never through a vendor's contract. `dpv` are terms of DPV 2.3, `fides` a key of fideslang 3.1.
    `from_policy` is true of what the published privacy policy itself lists.
    """

    origin: Origin
    sensitivity: int
    dpv: tuple[str, ...]
    fides: str | None
    from_policy: bool = False


_PROVIDED, _OBSERVED, _DERIVED, _NONE = Origin.PROVIDED, Origin.OBSERVED, Origin.DERIVED, Origin.NONE
_C, _T = Category, CategoryTerm
_LISTED = True

# One category a line and one property a column: the formatter would break the columns.
# fmt: off
CATEGORIES: Mapping[Category, CategoryTerm] = {
    _C.NOT_PERSONAL:            _T(_NONE,     0, ("dpv:NonPersonalData",), "system"),
    _C.ACCOUNT_NICKNAME:        _T(_PROVIDED, 1, ("pd:Username",),        "user.account.username", _LISTED),
    _C.ACCOUNT_PASSWORD:        _T(_PROVIDED, 3, ("pd:Password",),        "user.authorization.password", _LISTED),
    _C.ACCOUNT_ID:              _T(_OBSERVED, 1, ("pd:UID",),             "user.unique_id"),
    _C.ACCOUNT_SETTINGS:        _T(_PROVIDED, 1, ("pd:Preference",),      "user.account.settings"),
    _C.SESSION_SECRET:          _T(_OBSERVED, 3, ("pd:Authenticating",),  "user.authorization.credentials"),
    _C.PERSON_NAME:             _T(_PROVIDED, 1, ("pd:Name",),            "user.name", _LISTED),
    _C.CONTACT_PHONE:           _T(_PROVIDED, 1, ("pd:TelephoneNumber",), "user.contact.phone_number", _LISTED),
    _C.CONTACT_EMAIL:           _T(_PROVIDED, 1, ("pd:EmailAddress",),    "user.contact.email"),
    _C.ADDRESS_FULL:            _T(_PROVIDED, 1, ("pd:PhysicalAddress",), "user.contact.address", _LISTED),
    _C.ADDRESS_STREET:          _T(_PROVIDED, 1, ("pd:Street",),          "user.contact.address.street", _LISTED),
    _C.ADDRESS_UNIT:            _T(_PROVIDED, 1, ("pd:HouseNumber", "pd:RoomNumber"),
                                   "user.contact.address.street", _LISTED),
    _C.ADDRESS_CITY:            _T(_PROVIDED, 1, ("pd:City",),            "user.contact.address.city", _LISTED),
    _C.ADDRESS_REGION:          _T(_PROVIDED, 1, ("pd:Region",),          "user.contact.address.state", _LISTED),
    _C.ADDRESS_POSTAL_CODE:     _T(_PROVIDED, 1, ("pd:PostalCode",),      "user.contact.address.postal_code", _LISTED),
    _C.ADDRESS_COUNTRY:         _T(_PROVIDED, 1, ("pd:Country",),         "user.contact.address.country", _LISTED),
    _C.DELIVERY_NOTE:           _T(_PROVIDED, 2, ("pd:Communication",),   "user.content.private"),
    _C.IDENTITY_NATIONAL_ID:    _T(_PROVIDED, 2, ("pd:OfficialID",),
                                   "user.government_id.national_identification_number"),
    _C.IDENTITY_PASSPORT:       _T(_PROVIDED, 2, ("pd:Passport",),        "user.government_id.passport_number"),
    _C.PAYMENT_PAN:             _T(_PROVIDED, 2, ("pd:PaymentCardNumber",), "user.financial.credit_card", _LISTED),
    _C.PAYMENT_EXPIRY:          _T(_PROVIDED, 2, ("pd:PaymentCardExpiry",), "user.financial.credit_card", _LISTED),
    _C.PAYMENT_CVV:             _T(_PROVIDED, 3, ("pd:PaymentCard",),     "user.financial.credit_card", _LISTED),
    _C.PAYMENT_BANK_ACCOUNT:    _T(_PROVIDED, 2, ("pd:BankAccount",),     "user.financial.bank_account", _LISTED),
    _C.PAYMENT_TOKEN:           _T(_OBSERVED, 1, ("pd:AccountIdentifier",), "user.payment"),
    _C.PAYMENT_AMOUNT:          _T(_OBSERVED, 1, ("pd:Transaction",),     "user.payment", _LISTED),
    _C.PAYMENT_BILLING_ADDRESS: _T(_PROVIDED, 1, ("pd:PhysicalAddress",), "user.contact.address", _LISTED),
    _C.ORDER_ID:                _T(_OBSERVED, 1, ("pd:Identifier",),      "user.unique_id", _LISTED),
    _C.ORDER_ITEMS:             _T(_PROVIDED, 2, ("pd:Purchase",),        "user.behavior.purchase_history", _LISTED),
    _C.ORDER_DECLARED_VALUE:    _T(_OBSERVED, 1, ("pd:Transaction",),     "user.behavior.purchase_history"),
    _C.PARCEL_MEASURE:          _T(_OBSERVED, 0, ("dpv:NonPersonalData",), "system.operations"),
    _C.SHIPMENT_TRACKING:       _T(_OBSERVED, 2, ("pd:Location",),        "user.location"),
    _C.SERVICE_CONSULTATION:    _T(_PROVIDED, 2, ("pd:Communication",),   "user.content.private", _LISTED),
    _C.SERVICE_AFTER_SALES:     _T(_PROVIDED, 2, ("pd:Communication",),   "user.content.private", _LISTED),
    _C.SERVICE_REVIEW:          _T(_PROVIDED, 1, ("pd:Opinion",),         "user.content.public", _LISTED),
    _C.TECH_MESSAGE:            _T(_OBSERVED, 2, ("dpv:ObservedPersonalData",), "user.telemetry"),
    _C.TECH_DEVICE:             _T(_OBSERVED, 1, ("pd:DeviceBased",),     "user.device", _LISTED),
    _C.TECH_DEVICE_ID:          _T(_OBSERVED, 1, ("pd:DeviceBased",),     "user.device.device_id"),
    _C.TECH_IP:                 _T(_OBSERVED, 1, ("pd:IPAddress",),       "user.device.ip_address"),
    _C.TECH_USER_AGENT:         _T(_OBSERVED, 1, ("pd:UserAgent",),       "user.device"),
    _C.TECH_COOKIE_ID:          _T(_OBSERVED, 1, ("pd:Identifier",),      "user.device.cookie_id"),
    _C.BEHAV_BROWSING:          _T(_OBSERVED, 1, ("pd:BrowsingBehaviour",), "user.behavior.browsing_history", _LISTED),
    _C.BEHAV_PRODUCT_VIEW:      _T(_OBSERVED, 1, ("pd:BrowserHistory",),  "user.behavior.browsing_history", _LISTED),
    _C.BEHAV_SEARCH:            _T(_OBSERVED, 1, ("pd:BrowsingBehaviour",), "user.behavior.search_history"),
    _C.BEHAV_ORDER_LOG:         _T(_OBSERVED, 1, ("pd:Behavioural",),     "user.telemetry", _LISTED),
    _C.BEHAV_ACCESS_TIME:       _T(_OBSERVED, 1, ("pd:ServiceConsumptionBehaviour",), "user.telemetry", _LISTED),
    _C.DERIVED_PREFERENCES:     _T(_DERIVED,  1, ("pd:Preference",),      "user.demographic.profile", _LISTED),
    _C.DERIVED_AGE_RANGE:       _T(_DERIVED,  2, ("pd:AgeRange",),        "user.demographic.age_range"),
    _C.DEMO_BIRTH_DATE:         _T(_PROVIDED, 1, ("pd:BirthDate",),       "user.demographic.date_of_birth"),
    _C.DEMO_GENDER:             _T(_PROVIDED, 1, ("pd:Gender",),          "user.demographic.gender"),
    _C.DEMO_LANGUAGE:           _T(_OBSERVED, 1, ("pd:Language",),        "user.demographic.language"),
    _C.GEO_PRECISE:             _T(_OBSERVED, 2, ("pd:GPSCoordinate",),   "user.location.precise"),
    _C.GEO_COARSE:              _T(_DERIVED,  1, ("pd:Location",),        "user.location.imprecise"),
    _C.MEDIA_IMAGE:             _T(_PROVIDED, 2, ("pd:Picture",),         "user.content.self_image"),
    _C.BEAUTY_SKIN_PROFILE:     _T(_PROVIDED, 3, ("pd:SkinTone", "pd:PhysicalCharacteristic"),
                                   "user.demographic.profile"),
    _C.SPECIAL_HEALTH:          _T(_NONE,     3, ("pd:MedicalHealth",),   "user.health_and_medical"),
    _C.SPECIAL_BIOMETRIC:       _T(_NONE,     3, ("pd:Biometric",),       "user.biometric"),
    _C.SPECIAL_ETHNICITY:       _T(_NONE,     3, ("pd:EthnicOrigin",),    "user.demographic.race_ethnicity"),
    _C.SPECIAL_RELIGION:        _T(_NONE,     3, ("pd:ReligiousBelief",), "user.demographic.religious_belief"),
    _C.SPECIAL_POLITICS:        _T(_NONE,     3, ("pd:PoliticalOpinion",), "user.demographic.political_opinion"),
    _C.SPECIAL_UNION:           _T(_NONE,     3, ("pd:TradeUnionMembership",), None),
    _C.SPECIAL_SEXUAL:          _T(_NONE,     3, ("pd:Sexual",),          "user.demographic.sexual_orientation"),
    _C.SPECIAL_CRIMINAL:        _T(_NONE,     3, ("pd:Criminal",),        "user.criminal_history"),
    _C.CHILD_FLAG:              _T(_DERIVED,  2, ("dpv:Child",),          "user.childrens"),
    _C.PREF_PRIVACY:            _T(_PROVIDED, 1, ("pd:PrivacyPreference",), "user.privacy_preferences"),
    _C.UNCLASSIFIED:            _T(_NONE,     3, ("dpv:UncategorisedData",), None),
}
# fmt: on

ADDRESS_PARTS: Final = frozenset(
    {
        Category.ADDRESS_STREET,
        Category.ADDRESS_UNIT,
        Category.ADDRESS_CITY,
        Category.ADDRESS_REGION,
        Category.ADDRESS_POSTAL_CODE,
        Category.ADDRESS_COUNTRY,
    }
)


def overlapping(category: Category) -> frozenset[Category]:
    """The categories in which the same data stands: an address as a whole is in its parts, and each part in it."""
    if category is Category.ADDRESS_FULL:
        return ADDRESS_PARTS | {category}
    return frozenset({category, Category.ADDRESS_FULL} if category in ADDRESS_PARTS else {category})


# Numbers that a vendor gives us and that lead back to the person of an earlier call.
RETAINED_IDS: frozenset[Category] = frozenset(
    {Category.SHIPMENT_TRACKING, Category.PAYMENT_TOKEN, Category.ORDER_ID},
)

# Financial accounts and whereabouts (PIPL 28); a token stands for the card behind it. What article 28 names besides
# never leaves (`special.*`), and of those under 14 everything is sensitive.
CN_SENSITIVE: frozenset[Category] = frozenset(
    {
        Category.PAYMENT_PAN,
        Category.PAYMENT_EXPIRY,
        Category.PAYMENT_BANK_ACCOUNT,
        Category.PAYMENT_TOKEN,
        Category.SHIPMENT_TRACKING,
        Category.GEO_PRECISE,
    }
)
