"""What people read of their own affairs: roles, rights and safeguards in words, in English and in Chinese."""

from collections.abc import Mapping

from gateway.vocabulary.grounds import SubjectRole
from gateway.vocabulary.labels import Label
from gateway.vocabulary.notices import Cause, NoticeState
from gateway.vocabulary.places import TransferMechanism

SUBJECT_ROLE_LABELS: Mapping[SubjectRole, Label] = {
    SubjectRole.PURCHASER: Label("you as whoever ordered", "您作为下单人"),
    SubjectRole.CONSIGNEE: Label("you as whoever receives the parcel", "您作为收货人"),
    SubjectRole.PAYER: Label("you as whoever pays", "您作为付款人"),
    SubjectRole.VISITOR: Label("you as a visitor", "您作为访客"),
    SubjectRole.REVIEWER: Label("you as the author of a review", "您作为评价人"),
    SubjectRole.EMPLOYEE: Label("you as somebody who works for us", "您作为员工"),
}
OTHERS_LABELS: Mapping[SubjectRole, Label] = {
    SubjectRole.PURCHASER: Label("whoever ordered", "下单人"),
    SubjectRole.CONSIGNEE: Label("whoever receives the parcel", "收货人"),
    SubjectRole.PAYER: Label("whoever pays", "付款人"),
    SubjectRole.VISITOR: Label("a visitor", "访客"),
    SubjectRole.REVIEWER: Label("the author of a review", "评价人"),
    SubjectRole.EMPLOYEE: Label("somebody who works for us", "员工"),
}
"""Of people who are somebody else than whoever reads it."""
RIGHT_LABELS: Mapping[str, Label] = {
    "7(3)": Label("withdraw your consent at any time", "随时撤回同意"),
    "13": Label("be told when your data is collected", "收集时获得告知"),
    "14": Label("be told where your data comes from", "获知信息来源"),
    "15": Label("see your data", "查阅您的信息"),
    "16": Label("have it put right", "更正"),
    "17": Label("have it erased", "删除"),
    "18": Label("have its use restricted", "限制处理"),
    "20": Label("take it with you", "转移您的信息"),
    "21": Label("object to its use", "反对处理"),
    "22": Label("not be subject to a decision by machines alone", "拒绝仅由自动化作出的决定"),
    "77": Label("complain to a supervisory authority", "向监管机构投诉"),
}
"""By article of the GDPR."""
RIGHTS_IN_CHINA: Mapping[str, str] = {
    "7(3)": "15",
    "13": "17",
    "14": "17",
    "15": "45",
    "16": "46",
    "17": "47",
    "18": "44",
    "20": "45",
    "21": "44",
    "22": "24",
    "77": "65",
}
"""The article of the PIPL at which a right stands, by article of the GDPR."""
IDENTITY_LABELS: Mapping[str, Label] = {
    "token": Label("your own sign-in", "您本人的登录"),
    "account": Label("your account", "您的账户"),
    "call_back": Label("a call back to your known number", "回拨您预留的电话"),
    "document": Label("a document", "证件"),
    "in_person": Label("your coming in person", "当面核实"),
    "known_address": Label("your known address", "您预留的地址"),
    "questions": Label("questions that you alone can answer", "仅您可回答的问题"),
}
CAUSE_LABELS: Mapping[Cause, Label] = {
    Cause.RECTIFICATION: Label("to correct your data", "更正您的信息"),
    Cause.ERASURE: Label("to erase your data", "删除您的信息"),
    Cause.RESTRICTION: Label("to restrict the use of your data", "限制处理您的信息"),
    Cause.UNRESTRICTED: Label("that your data may be used again", "您的信息已恢复处理"),
    Cause.OBJECTION: Label("that you objected", "您已反对"),
    Cause.WITHDRAWAL: Label("that you withdrew your consent", "您已撤回同意"),
    Cause.ORDER_CLOSED: Label("to delete what it had for your order", "删除您订单的信息"),
    Cause.KEEP: Label("to keep your data for now", "暂时保留您的信息"),
}
NOTICE_STATE_LABELS: Mapping[NoticeState, Label] = {
    NoticeState.QUEUED: Label("under way", "处理中"),
    NoticeState.TASK: Label("under way", "处理中"),
    NoticeState.HELD: Label("under way", "处理中"),
    NoticeState.SENT: Label("told", "已通知"),
    NoticeState.CONFIRMED: Label("done, as the recipient says", "接收方确认已完成"),
    NoticeState.EXCUSED: Label("not possible", "无法通知"),
    NoticeState.TAKEN_BACK: Label("taken back", "已撤销"),
}
TRANSFER_LABELS: Mapping[TransferMechanism, Label] = {
    TransferMechanism.NONE_DOMESTIC: Label("stays where the same law holds", "未跨境"),
    TransferMechanism.ADEQUACY: Label("a country with adequate protection", "充分性认定"),
    TransferMechanism.SCC: Label("standard clauses of the European Commission", "欧盟委员会标准合同条款"),
    TransferMechanism.SCC_AUTHORITY: Label("standard clauses of an authority", "监管机构标准合同条款"),
    TransferMechanism.BCR: Label("binding corporate rules", "有约束力的公司规则"),
    TransferMechanism.CODE_OF_CONDUCT: Label("an approved code of conduct", "经批准的行为准则"),
    TransferMechanism.CERTIFICATION: Label("an approved certification", "经批准的认证"),
    TransferMechanism.ADHOC: Label("clauses that an authority approved", "经监管机构批准的条款"),
    TransferMechanism.DEROGATION_CONSENT: Label("your explicit consent to the transfer", "您对跨境传输的明示同意"),
    TransferMechanism.DEROGATION_CONTRACT: Label(
        "needed for the contract with you, abroad", "履行与您的合同所必需的跨境"
    ),
    TransferMechanism.DEROGATION_INTEREST_OF_SUBJECT: Label(
        "needed for a contract in your interest, abroad", "为您的利益订立合同所必需的跨境"
    ),
    TransferMechanism.CN_SECURITY_ASSESSMENT: Label("a security assessment (China)", "数据出境安全评估"),
    TransferMechanism.CN_CERTIFICATION: Label("a certification (China)", "个人信息保护认证"),
    TransferMechanism.CN_STANDARD_CONTRACT: Label("the standard contract of China", "个人信息出境标准合同"),
    TransferMechanism.CN_CONTRACT_NECESSITY: Label("needed for the contract with you (China)", "为履行合同确需出境"),
    TransferMechanism.UK_IDTA: Label("the UK's transfer agreement", "英国国际数据传输协议"),
    TransferMechanism.UK_ADDENDUM: Label("standard clauses with the UK's addendum", "标准合同条款及英国附录"),
    TransferMechanism.DPF: Label("the EU-US Data Privacy Framework", "欧美数据隐私框架"),
    TransferMechanism.CH_DPF: Label("the Swiss-US Data Privacy Framework", "瑞美数据隐私框架"),
    TransferMechanism.JP_EQUIVALENT: Label("a system equivalent to the law of Japan", "符合日本法的等效体制"),
    TransferMechanism.JP_CONSENT: Label("your consent to the transfer (Japan)", "您对跨境提供的同意 (日本)"),
    TransferMechanism.BR_SCC: Label("the standard clauses of Brazil", "巴西标准合同条款"),
}
