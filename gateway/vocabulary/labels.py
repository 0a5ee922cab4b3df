"""What the words of the lists are called by people, in English and in Chinese, on pages that everybody reads."""

from collections.abc import Mapping
from typing import NamedTuple

from gateway.vocabulary.categories import Category
from gateway.vocabulary.grounds import LegalBasis
from gateway.vocabulary.purposes import Purpose
from gateway.vocabulary.vendors import VendorKind, VendorRole


class Label(NamedTuple):
    """One word in both languages."""

    en: str
    zh: str


KIND_LABELS: Mapping[VendorKind, Label] = {
    VendorKind.LOGISTICS: Label("Logistics and delivery", "物流配送"),
    VendorKind.PAYMENT: Label("Payment", "支付"),
    VendorKind.MAINTENANCE: Label("Maintenance of our systems", "系统维护"),
}
ROLE_LABELS: Mapping[VendorRole, Label] = {
    VendorRole.PROCESSOR: Label("acts on our instructions", "受托处理"),
    VendorRole.CONTROLLER: Label("decides on its own under the law", "独立处理"),
    VendorRole.JOINT_CONTROLLER: Label("decides together with us", "共同处理"),
}
CHANNEL_LABELS: Mapping[str, Label] = {
    "gateway": Label("through the gateway", "经由网关"),
    "direct": Label("not through the gateway", "不经由网关"),
    "exceptional": Label("outside contracts", "例外披露"),
}
PURPOSE_LABELS: Mapping[Purpose, Label] = {
    Purpose.ORDER_PROCESSING: Label("Handling your order", "处理订单"),
    Purpose.ORDER_VERIFICATION: Label("Checking your order", "核实订单"),
    Purpose.DELIVERY: Label("Delivering your parcel", "配送包裹"),
    Purpose.CUSTOMS_CLEARANCE: Label("Customs", "清关"),
    Purpose.DELIVERY_NOTIFICATION: Label("Telling you when the parcel comes", "配送通知"),
    Purpose.PAYMENT_SETTLEMENT: Label("Taking your payment", "支付结算"),
    Purpose.FRAUD_PREVENTION: Label("Preventing fraud", "防范欺诈"),
    Purpose.AFTER_SALES: Label("Returns, refunds and exchanges", "退换货与退款"),
    Purpose.PLATFORM_MAINTENANCE: Label("Keeping our shop running", "平台运行维护"),
    Purpose.FAULT_REPAIR: Label("Finding and mending faults", "故障排查修复"),
    Purpose.SECURITY: Label("Security", "安全防护"),
    Purpose.PAYMENT_DISPUTE: Label("Answering a disputed payment", "处理支付争议"),
    Purpose.ACCOUNT_SECURITY: Label("Keeping your account safe", "保护账户安全"),
    Purpose.RIGHTS_FULFILMENT: Label("Carrying out what you ask about your data", "落实您的个人信息权利"),
    Purpose.PRODUCT_RECOMMENDATION: Label("Recommending products", "商品推荐"),
    Purpose.DISPLAY_OPTIMISATION: Label("Improving how pages look", "优化页面展示"),
    Purpose.LEGAL_COMPULSION: Label("A duty by law", "法定义务"),
    Purpose.RIGHTS_PROTECTION: Label("Protecting rights", "维护合法权益"),
    Purpose.EMERGENCY_SAFETY: Label("An emergency", "紧急救助"),
}
BASIS_LABELS: Mapping[LegalBasis, Label] = {
    LegalBasis.CONSENT: Label("your consent", "您的同意"),
    LegalBasis.EXPLICIT_CONSENT: Label("your explicit consent", "您的单独明示同意"),
    LegalBasis.PERFORMANCE_OF_CONTRACT: Label("needed for the contract with you", "履行与您的合同所必需"),
    LegalBasis.PRE_CONTRACT: Label("asked for by you before a contract", "应您要求订立合同所必需"),
    LegalBasis.LEGAL_OBLIGATION: Label("a duty by law", "履行法定义务"),
    LegalBasis.VITAL_INTEREST: Label("vital interests", "保护生命健康"),
    LegalBasis.PUBLIC_TASK: Label("a task in the public interest", "公共利益"),
    LegalBasis.LEGITIMATE_INTEREST: Label("our legitimate interest", "我们的正当利益"),
}
FORM_LABELS: Mapping[str, Label] = {
    "as_is": Label("as it is", "原样"),
    "mask": Label("masked", "部分遮盖"),
    "generalise": Label("coarsened", "模糊化"),
    "truncate": Label("cut short", "截短"),
    "pseudonymise": Label("as a pseudonym", "假名化"),
    "encrypt": Label("encrypted", "加密"),
    "scrub": Label("with personal data taken out", "去除个人信息"),
    "map": Label("as a general word", "归类表述"),
    "link": Label("as a link", "链接"),
}
CATEGORY_LABELS: Mapping[Category, Label] = {
    Category.NOT_PERSONAL: Label("nothing personal", "非个人信息"),
    Category.ACCOUNT_NICKNAME: Label("nickname", "昵称"),
    Category.ACCOUNT_PASSWORD: Label("password", "密码"),
    Category.ACCOUNT_ID: Label("account number", "账户编号"),
    Category.ACCOUNT_SETTINGS: Label("account settings", "账户设置"),
    Category.SESSION_SECRET: Label("session", "会话凭证"),
    Category.PERSON_NAME: Label("name", "姓名"),
    Category.CONTACT_PHONE: Label("telephone number", "电话号码"),
    Category.CONTACT_EMAIL: Label("e-mail address", "电子邮箱"),
    Category.ADDRESS_FULL: Label("address", "地址"),
    Category.ADDRESS_STREET: Label("street and number", "街道门牌"),
    Category.ADDRESS_UNIT: Label("floor or flat", "楼层房号"),
    Category.ADDRESS_CITY: Label("city", "城市"),
    Category.ADDRESS_REGION: Label("region", "省份地区"),
    Category.ADDRESS_POSTAL_CODE: Label("postal code", "邮政编码"),
    Category.ADDRESS_COUNTRY: Label("country", "国家"),
    Category.DELIVERY_NOTE: Label("note for the delivery", "配送备注"),
    Category.IDENTITY_NATIONAL_ID: Label("identity number", "身份证件号码"),
    Category.IDENTITY_PASSPORT: Label("passport number", "护照号码"),
    Category.PAYMENT_PAN: Label("card number", "银行卡号"),
    Category.PAYMENT_EXPIRY: Label("expiry date of the card", "银行卡有效期"),
    Category.PAYMENT_CVV: Label("security code of the card", "银行卡安全码"),
    Category.PAYMENT_BANK_ACCOUNT: Label("bank account", "银行账户"),
    Category.PAYMENT_TOKEN: Label("number of the payment", "支付编号"),
    Category.PAYMENT_AMOUNT: Label("amount", "金额"),
    Category.PAYMENT_BILLING_ADDRESS: Label("billing address", "账单地址"),
    Category.ORDER_ID: Label("order number", "订单编号"),
    Category.ORDER_ITEMS: Label("goods", "商品"),
    Category.ORDER_DECLARED_VALUE: Label("declared value", "申报价值"),
    Category.PARCEL_MEASURE: Label("size and weight of the parcel", "包裹尺寸重量"),
    Category.SHIPMENT_TRACKING: Label("tracking number", "运单号"),
    Category.SERVICE_CONSULTATION: Label("questions to our service", "咨询记录"),
    Category.SERVICE_AFTER_SALES: Label("after-sales records", "售后记录"),
    Category.SERVICE_REVIEW: Label("reviews", "商品评价"),
    Category.TECH_MESSAGE: Label("message of a fault", "故障信息"),
    Category.TECH_DEVICE: Label("kind of device", "设备类型"),
    Category.TECH_DEVICE_ID: Label("device number", "设备标识"),
    Category.TECH_IP: Label("IP address", "IP 地址"),
    Category.TECH_USER_AGENT: Label("browser", "浏览器信息"),
    Category.TECH_COOKIE_ID: Label("cookie", "Cookie 标识"),
    Category.BEHAV_BROWSING: Label("pages seen", "浏览轨迹"),
    Category.BEHAV_PRODUCT_VIEW: Label("products seen", "商品浏览"),
    Category.BEHAV_SEARCH: Label("searches", "搜索记录"),
    Category.BEHAV_ORDER_LOG: Label("steps of an order", "订单操作记录"),
    Category.BEHAV_ACCESS_TIME: Label("times of visits", "访问时间"),
    Category.DERIVED_PREFERENCES: Label("preferences", "偏好"),
    Category.DERIVED_AGE_RANGE: Label("age range", "年龄段"),
    Category.DEMO_BIRTH_DATE: Label("date of birth", "出生日期"),
    Category.DEMO_GENDER: Label("gender", "性别"),
    Category.DEMO_LANGUAGE: Label("language", "语言"),
    Category.GEO_PRECISE: Label("exact place", "精确位置"),
    Category.GEO_COARSE: Label("rough place", "粗略位置"),
    Category.MEDIA_IMAGE: Label("pictures", "图片"),
    Category.BEAUTY_SKIN_PROFILE: Label("skin profile", "肤质档案"),
    Category.SPECIAL_HEALTH: Label("health", "健康信息"),
    Category.SPECIAL_BIOMETRIC: Label("biometric data", "生物识别信息"),
    Category.SPECIAL_ETHNICITY: Label("ethnicity", "民族"),
    Category.SPECIAL_RELIGION: Label("religion", "宗教信仰"),
    Category.SPECIAL_POLITICS: Label("political opinions", "政治观点"),
    Category.SPECIAL_UNION: Label("union membership", "工会成员身份"),
    Category.SPECIAL_SEXUAL: Label("sexual orientation", "性取向"),
    Category.SPECIAL_CRIMINAL: Label("criminal offences", "犯罪记录"),
    Category.CHILD_FLAG: Label("being a child", "未成年人标识"),
    Category.PREF_PRIVACY: Label("privacy choices", "隐私偏好"),
    Category.UNCLASSIFIED: Label("not classified", "未分类"),
}
