"""What can go wrong, under names that never change.

GatewayError
├── Refusal            we chose not to send; carries every failure found, the first decides
├── Unfit              a value cannot leave in the form that its line names; minimise.py makes of it what it means
├── ContractError      a set of contracts does not load; carries findings
├── StartError         the process must not start as it is
│   ├── DiskFailed     nobody knows what is on the disk
│   └── Distrusted     what is stored is not what was written; carries the code
└── StopError          the process ends before everything is on record; carries the exit status
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A reason to refuse: the HTTP status of the reply, what it means, and the way out."""

    status: int
    title: str
    fix: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason not to send. `detail` names vendors, operations and paths, never a value; `where` a contract line."""

    code: str
    detail: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in a contract: which rule it breaks, where, and what to write instead."""

    code: str
    file: str
    line: int
    message: str
    fix: str
    level: str = "error"  # or "note": it loads, and the reviewer is told

    def __str__(self) -> str:
        fix = f" ({self.fix})" if self.fix else ""
        return f"{self.file}:{self.line}: {self.code}: {self.message}{fix}"


class GatewayError(Exception):
    """The root of everything that this package raises on purpose."""


class Refusal(GatewayError):
    """The call does not go. Nothing has left."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__(", ".join(failure.code for failure in failures))
        self.failures = failures

    @property
    def code(self) -> str:
        return self.failures[0].code

    @property
    def status(self) -> int:
        return CODES[self.code].status


class Unfit(GatewayError):
    """A value that its form can make nothing of. It stays; a required one, or one that `refuses`, refuses the call."""

    def __init__(self, code: str, *, refuses: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.refuses = refuses


class ContractError(GatewayError):
    """A set of contracts does not load, and the one in force stays in force."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


class StartError(GatewayError):
    """The process must not start as it is; the message says what to change."""

    exit_status = 1


class DiskFailed(StartError):
    """Reading or writing failed for good; before the next start somebody should look at the disk."""

    exit_status = os.EX_IOERR


class Distrusted(StartError):
    """The record is not what it was when it was last written: CORRUPT, or ROLLBACK_DETECTED."""

    exit_status = os.EX_DATAERR

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class StopError(GatewayError):
    """The process ends although not all that it had to write is on record; the next start settles it."""

    def __init__(self, exit_status: int) -> None:
        super().__init__("the record was not written to its end, see above; the next start settles what is open")
        self.exit_status = exit_status


def refuse(code: str, detail: str = "", where: str = "") -> Refusal:
    """A refusal for a single reason."""
    return Refusal(Failure(code, detail, where))


_ASK_OWNER = "Ask the owner named in the contract."
_SEE_LEDGER = "Look its `Gateway-Disclosure` up with `gateway ledger show`; ask the vendor before trying again."

CODES: Mapping[str, Code] = {
    # The edge: nothing is known yet about who calls.
    "http.malformed": Code(400, "Not a well-formed HTTP/1.1 request", "Send what RFC 9112 allows."),
    "http.head": Code(400, "The request head is too large", "At most 32 KiB and 64 header lines."),
    "http.target": Code(
        400, "The request target is not a plain path", "Send the path the vendor documents, undecorated."
    ),
    "http.host": Code(400, "Not exactly one valid Host", "Send one Host header."),
    "http.framing": Code(400, "The length of the body is ambiguous", "Send one Content-Length, or chunked alone."),
    "http.trailer": Code(400, "Trailers are not accepted", "Send every header before the body."),
    "http.version": Code(400, "Only HTTP/1.1 is spoken here", "Use HTTP/1.1 towards the gateway."),
    "http.method": Code(400, "This method is not spoken here", "Use GET, HEAD, POST, PUT, PATCH or DELETE."),
    "http.upgrade": Code(400, "Protocol upgrades are not accepted", "Leave the Upgrade header out."),
    "http.timeout": Code(400, "The request did not arrive in time", "Send the whole request without pausing."),
    "http.header": Code(400, "A header stands where it must not, or twice", "Send each header once, in plain ASCII."),
    # Who asks, and for what.
    "caller.unknown": Code(401, "No valid service token", "Issue one: `gateway token issue --service NAME`."),
    "caller.not_allowed": Code(
        403, "This service may not make this call", "Add the service to `callers` of the contract."
    ),
    "caller.role": Code(
        403, "This role may not do this", "Ask somebody whose role may; docs/operations.md lists them."
    ),
    "vendor.unknown": Code(403, "No such vendor", "Check the first path segment against the vendors in `contracts/`."),
    "vendor.suspended": Code(403, "The vendor is suspended", "Ask who suspended it; `gateway facts put` lifts it."),
    "vendor.review_overdue": Code(
        403,
        "The vendor's oversight review is overdue",
        "Hold the review and enter its date; of a company that was announced, what was decided.",
    ),
    "deletion.overdue": Code(
        403,
        "The vendor has not confirmed a deletion in time",
        "Have it confirm, and put that down by `gateway notice confirm`.",
    ),
    "vendor.sign_in": Code(502, "The vendor did not accept our credentials", "Check the vendor's credential."),
    "contract.none": Code(403, "This vendor has no contract in force", "Write one: see docs/tutorial.md."),
    "operation.unknown": Code(
        403, "No contract names this call", "Write a contract for it, or correct method and path."
    ),
    "operation.not_active": Code(403, "The contract is not in force", "Set its status to enforce when it is approved."),
    # Who looks at the record.
    "access.bulk": Code(
        403,
        "More of the record than one person takes out in a day",
        "Take the rest tomorrow (UTC), or propose a bulk look for somebody else to grant: `gateway bulk-look propose`.",
    ),
    # The body.
    "body.unreadable": Code(
        422,
        "The body is not what the contract says",
        "Send what `sending.body` names; to the gateway's own APIs, JSON.",
    ),
    "body.media": Code(415, "The contract does not take this media type", "Send a type from `sending.media`."),
    "body.too_large": Code(413, "The body is larger than the contract allows", "Send less, or raise `max_bytes`."),
    "body.empty": Code(422, "Nothing is left of the body", "Send at least one field that the contract names."),
    "body.encoding": Code(
        415,
        "The body is compressed in a way that is not taken",
        "Send it with gzip, deflate, br or zstd, once, or as it is.",
    ),
    "signature.missing": Code(
        403,
        "The call is signed, and nobody here signs what is left of it",
        "Give the vendor a `sign` block, or leave the signature out.",
    ),
    "signature.failed": Code(
        422, "What leaves cannot be signed", "Send each parameter once, and what the vendor's scheme covers."
    ),
    # What vendors send by themselves.
    "hook.unknown": Code(404, "Nothing is sent here", "POST to /VENDOR/NAME, as `hooks` in vendor.yaml says."),
    "hook.unsigned": Code(401, "The vendor did not sign this", "Compare key, header and clock with the vendor's."),
    "hook.replayed": Code(409, "This was taken before", "Nothing is to be done."),
    "hook.not_taken": Code(502, "The service of the shop did not take it", "Look at that service, and send it again."),
    "signature.invalid": Code(502, "The vendor's answer is not signed by the vendor", _SEE_LEDGER),
    # On what grounds.
    "agreement.none": Code(403, "No agreement with this vendor", "Sign one and enter it in vendor.yaml."),
    "agreement.not_active": Code(
        403,
        "The agreement is not in force",
        "Wait for its first day, correct `from` or `status`, or enter the one that replaces it.",
    ),
    "agreement.expired": Code(
        403, "The agreement has ended", "Renew it and enter the new one, in vendor.yaml or as a fact."
    ),
    "agreement.wrong_type": Code(403, "The agreement does not fit the vendor's role", "A processor needs a dpa."),
    "agreement.clause_missing": Code(403, "A clause is missing from the agreement", "Have it added and enter it."),
    "agreement.parties": Code(403, "The agreement does not bind this company", "Have the disclosing entity sign it."),
    "agreement.scope": Code(
        403, "The agreement does not cover this category", "Have it extended and enter it under `covers`."
    ),
    "policy.purpose": Code(403, "The published policy does not have this purpose", _ASK_OWNER),
    "policy.vendor_kind": Code(403, "The published policy does not have this kind of vendor", _ASK_OWNER),
    "policy.category": Code(403, "This kind of vendor may not have this category", _ASK_OWNER),
    "policy.conflict": Code(
        403,
        "policy.yaml says otherwise of a version that was published",
        "Take that version out of policy.yaml, which the register has, and reload the contracts.",
    ),
    "purpose.prohibited": Code(403, "This purpose is prohibited", "There is none; the policy forbids it."),
    "purpose.not_in_contract": Code(403, "The contract does not have this purpose", _ASK_OWNER),
    "subject.unresolved": Code(
        403,
        "Whose data it is cannot be told",
        "Put the order into the register first; a call without one names the person itself.",
    ),
    "subject.mismatch": Code(403, "The call is about different people", "Send data about one person at a time."),
    "subject.unknown": Code(404, "Nobody and nothing is known here that you may ask about", "Ask about yourself."),
    "subject.restricted": Code(403, "The person's data is restricted", "It may not be used; see the rights request."),
    "subject.erased": Code(403, "The person's data was erased", "It may not be used."),
    "subject.winding_up": Code(
        403, "The person withdrew everything", "Only returns and what else winds an order up may go; ask the person."
    ),
    "subject.minor": Code(403, "The person is a minor", "A guardian has to consent."),
    "subject.not_test": Code(
        403, "Here this vendor gets only people who were made up", "Try it with a person who has the flag `test`."
    ),
    "subject.inactive": Code(403, "The account has been inactive for long", "Have the person sign in first."),
    "consignee.notice_due": Code(
        403,
        "Whoever gets the parcel was not told that others have their data",
        "Tell them, then put in the flag `informed`: `gateway notice informed SUBJECT`.",
    ),
    "order.state": Code(403, "The order is not in a state that allows this", "Check the order's state."),
    "basis.none": Code(
        403, "No legal basis for this person", "Give one for the person's jurisdiction in the contract."
    ),
    "basis.evidence_missing": Code(
        403, "The evidence of the legal basis is missing", "Send the order number it rests on."
    ),
    "basis.objected": Code(403, "The person has objected", "It may not be used on this ground."),
    "basis.not_valid": Code(403, "The basis does not exist in this jurisdiction", "Give another in the contract."),
    "basis.not_party": Code(
        403,
        "Who gets the parcel is not party to the contract with the shop",
        "Give the consignee `legitimate_interest` in the contract, and in CN `explicit_consent`.",
    ),
    "consent.missing": Code(403, "No consent on record", "Ask the person, and enter the answer."),
    "consent.outdated": Code(
        403, "The policy lets more go than when this consent was given", "Ask the person again, and enter the answer."
    ),
    "consent.withdrawn": Code(403, "Consent was withdrawn", "It may not be used on this ground."),
    "consent.expired": Code(403, "Consent has run out", "Ask the person again."),
    "consent.scope": Code(403, "Consent does not cover this vendor, purpose or data", "Ask the person for this use."),
    "sale.without_consent": Code(403, "No sale, rent or trade without explicit consent", "Ask the person explicitly."),
    "sale.opted_out": Code(403, "The person has opted out of sale", "It may not be sold."),
    "transfer.none": Code(403, "No transfer mechanism for this jurisdiction", "Enter one under `transfer`."),
    "transfer.expired": Code(403, "The transfer mechanism has ended", "Renew it."),
    "transfer.undeclared": Code(
        403,
        "The vendor announced a country that its file does not name",
        "Name the company in the vendor's file, with a mechanism; or object, and enter that.",
    ),
    "transfer.repetitive": Code(
        403,
        "A derogation was used too often in this month",
        "Use a standing mechanism, or raise `GATEWAY_DEROGATIONS_A_MONTH`.",
    ),
    "transfer.foreign_authority": Code(403, "A foreign authority needs an approval", "Enter the approval."),
    "limit.subjects": Code(403, "More people than the contract allows", "Send fewer, or raise `limits`."),
    "limit.subjects_per_hour": Code(
        403, "More people in this hour than the contract allows", "Wait for the next hour, or raise `limits.per_hour`."
    ),
    # The fields.
    "field.required": Code(422, "A required field is missing", "Send it; the contract names it as required."),
    "field.type": Code(422, "A required field has another type", "Send a single value there."),
    "field.repeated": Code(422, "A field is given twice", "Send it once; two readers could take different ones."),
    "field.personal": Code(422, "Something personal stands where the contract says there is none", "Do not send it."),
    "field.unmapped": Code(422, "A value is not in the contract's table", "Add it to the table, or an `otherwise`."),
    "field.link": Code(
        422, "A link leads to a host that is not listed", "Use a host that the contract lists, or list it under `urls`."
    ),
    "field.length": Code(422, "A value is longer than the vendor takes", "Send a shorter one; see `max_chars`."),
    "field.refused": Code(422, "This field must not come with this call", "Leave it out."),
    "field.unnamed": Code(422, "No contract line names this field", "Name it, or leave it out."),
    "field.condition": Code(422, "The condition of this field does not hold", "See `when` in the contract."),
    "field.special_category": Code(422, "Special categories never leave this way", "Leave it out."),
    "field.secret": Code(422, "Secrets never leave", "Leave it out."),
    "field.unclassified": Code(422, "This field has no category", "Give it one in the contract."),
    "proof.failed": Code(422, "What was written is not what was allowed", "Report this: it is a fault of the gateway."),
    # What people ask about their data.
    "request.closed": Code(422, "The request was decided already", "Open another one."),
    "request.ruling": Code(
        422, "This cannot be decided about this request", "See the rulings of each right, and give their reasons."
    ),
    # Our own side and the vendor's.
    "erasure.held": Code(
        403, "A hold keeps what is known of the person", "`gateway subject release` ends it, once its reason is over."
    ),
    "erasure.notices_open": Code(
        403, "Vendors are still to be told to erase", "Have them told and confirm, or force it and say why."
    ),
    "ledger.unavailable": Code(
        503, "It cannot be written down, so it does not go", "See the log of the gateway; try later."
    ),
    "gateway.overloaded": Code(503, "Too much at once", "Try again later."),
    "gateway.failed": Code(
        503, "The gateway failed before anything left", "Report this: it is a fault of the gateway."
    ),
    "gateway.fault": Code(504, "The gateway failed; the data may have arrived", _SEE_LEDGER),
    "vendor.unreachable": Code(502, "The vendor could not be reached; nothing was sent", "Try again later."),
    "vendor.address": Code(502, "The vendor's name leads to an address that is not allowed", "Check `hosts` and DNS."),
    "vendor.timeout": Code(504, "The vendor did not answer in time; the data may have arrived", _SEE_LEDGER),
    "vendor.broken": Code(504, "The vendor's answer broke off; the data may have arrived", _SEE_LEDGER),
    "vendor.answered": Code(
        502, "The vendor answered with an error; its text stays here", "Name under `errors` what of it may come back."
    ),
    "vendor.redirect": Code(502, "The vendor redirects; it is not followed", "Correct the vendor's host."),
    # Disclosures outside contracts.
    "exceptional.not_written": Code(422, "The request is not in writing", "Ask for it in writing."),
    "exceptional.not_reasoned": Code(422, "The request gives no reasons", "Ask for them."),
    "exceptional.entirety": Code(
        422, "The whole of a filing system is asked for, or standing access", "Ask which people, and for what."
    ),
    "exceptional.incomplete": Code(
        422, "What the law demands of a request is missing", "Complete it; `errors` has all that is missing."
    ),
    "exceptional.demand": Code(
        422, "The demand does not come from where it says", "Compare the authority's country with the company's."
    ),
    "exceptional.recipient": Code(403, "Nobody of this kind receives data in this scenario", "Name the institution."),
    "exceptional.opinion": Code(
        403, "The data protection officer was not asked, or is against it", "Have the opinion entered; say why despite."
    ),
    "exceptional.suppression": Code(
        403, "The person cannot be kept from knowing, or must not be told yet", "See until when, and on whose order."
    ),
    "exceptional.oral": Code(403, "Only a danger to life may be told by telephone", "Hand it over in another way."),
    "exceptional.window": Code(403, "The window of the emergency is closed", "Enter it anew, or have it approved."),
    "exceptional.state": Code(403, "The case is not at this point", "See its state: `gateway exceptional list`."),
    "exceptional.scope": Code(403, "More than was approved", "Have the wider scope approved."),
    "exceptional.same_approver": Code(403, "Two different people are needed", "Have somebody else approve."),
    "exceptional.review_overdue": Code(403, "The review of an emergency is overdue", "Review it first."),
}

# The reason codes under which compliance people know these refusals.
REASONS: Mapping[str, str] = {
    "V_UNKNOWN": "vendor.unknown",
    "V_KIND_NOT_PERMITTED": "policy.vendor_kind",
    "V_SUSPENDED": "vendor.suspended",
    "V_REVIEW_OVERDUE": "vendor.review_overdue",
    "C_NONE": "contract.none",
    "C_NOT_ACTIVE": "operation.not_active",
    "C_OPERATION_UNDECLARED": "operation.unknown",
    "C_CATEGORY_FORBIDDEN_FOR_KIND": "policy.category",
    "A_NONE": "agreement.none",
    "A_NOT_ACTIVE": "agreement.not_active",
    "A_EXPIRED": "agreement.expired",
    "A_WRONG_TYPE": "agreement.wrong_type",
    "A_CLAUSE_MISSING": "agreement.clause_missing",
    "B_NONE": "basis.none",
    "B_EVIDENCE_MISSING": "basis.evidence_missing",
    "B_CONSENT_MISSING": "consent.missing",
    "B_CONSENT_WITHDRAWN": "consent.withdrawn",
    "B_CONSENT_EXPIRED": "consent.expired",
    "B_CONSENT_SCOPE": "consent.scope",
    "B_OBJECTED": "basis.objected",
    "B_RESTRICTED": "subject.restricted",
    "B_ERASED": "subject.erased",
    "B_ORDER_CLOSED": "order.state",
    "B_NOT_VALID_IN_JURISDICTION": "basis.not_valid",
    "P_PROHIBITED": "purpose.prohibited",
    "P_PURPOSE_NOT_IN_CONTRACT": "purpose.not_in_contract",
    "P_PURPOSE_NOT_IN_POLICY": "policy.purpose",
    "P_SALE_WITHOUT_CONSENT": "sale.without_consent",
    "P_GPC_OPT_OUT": "sale.opted_out",
    "T_NO_MECHANISM": "transfer.none",
    "T_MECHANISM_EXPIRED": "transfer.expired",
    "T_DEROGATION_REPETITIVE": "transfer.repetitive",
    "T_FOREIGN_AUTHORITY": "transfer.foreign_authority",
    "S_SUBJECT_UNRESOLVED": "subject.unresolved",
    "S_SUBJECT_MISMATCH": "subject.mismatch",
    "S_MINOR": "subject.minor",
    "S_INACTIVE": "subject.inactive",
    "F_NOT_IN_CONTRACT": "field.unnamed",
    "F_CONDITION_FALSE": "field.condition",
    "F_SPECIAL_CATEGORY": "field.special_category",
    "F_SECRET": "field.secret",
    "F_UNCLASSIFIED": "field.unclassified",
    "Q_CAP_EXCEEDED": "limit.subjects",
    "X_NOT_WRITTEN": "exceptional.not_written",
    "X_SCOPE_EXCEEDED": "exceptional.scope",
    "X_SAME_APPROVER": "exceptional.same_approver",
    "X_REVIEW_OVERDUE": "exceptional.review_overdue",
    "L_LOG_UNAVAILABLE": "ledger.unavailable",
    "L_UNPARSEABLE": "body.unreadable",
    "L_REDIRECT": "vendor.redirect",
}
