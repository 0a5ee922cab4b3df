"""Whether a form can be what its line says: a convention for the category, a place where it means something."""

from collections.abc import Iterator, Sequence

from gateway.contract.compile import Source
from gateway.contract.form import (
    GENERALISED_AS,
    LEADS_BACK,
    MASKED_BY_CONVENTION,
    NEVER_IN_ANSWERS,
    ONLY_IN_ANSWERS,
    REVERSIBLE,
    TOKEN,
    Coarse,
    Form,
    Table,
    is_reversible,
    is_token,
    reversible_length,
)
from gateway.contract.model import Vendor
from gateway.contract.terms import Origin, Rule, Terms
from gateway.errors import Finding
from gateway.jwe import public_key
from gateway.paths import Place

_LOCATION = Place("header", ("location",))


def check_forms(terms: Terms, source: Source) -> None:
    """What is wrong with the forms of what leaves, into its source."""
    found = {each.role for each in terms.subjects if each.order or each.ref or each.earlier}
    for rule in terms.sending.rules:
        if rule.origin is Origin.GROUP:
            check_form(rule, source)
            _check_length(rule, source)
        if is_token(rule.form) and not found & set(rule.roles):
            source.find(
                "contract.form", rule.where, f"{rule.path}: a token is kept under a person's key; nobody is looked up",
                "give the subject a `ref`",
            )  # fmt: skip


def _check_length(rule: Rule, source: Source) -> None:
    """Whether what a form leaves fits into what the vendor takes; of a reversible pseudonym, what fits into that."""
    most = rule.max_chars
    if most is None:
        return
    if (longest := _longest(rule.form)) is not None and longest > most:
        message = f"{rule.path}: `{rule.form}` leaves {longest} characters, and the vendor takes {most}"
        source.find("contract.form", rule.where, message, "use another form, or correct `max_chars`")
    elif is_reversible(rule.form):
        message = f"{rule.path}: in {most} characters a value of up to {_room(most)} bytes can be turned back"
        source.find("contract.form", rule.where, message, "longer ones refuse the call", note=True)


def _longest(form: Form) -> int | None:
    """How many characters a form leaves whatever came, or at most; None where that depends on the value."""
    if form.name == "pseudonymise":
        return {REVERSIBLE: reversible_length(1), TOKEN: 26}.get(str(form.value), 30)
    if form.name == "replace":
        return len(str(form.value))
    if isinstance(form.value, Table):
        return max(len(text) for text in (*(left for _, left in form.value.entries), form.value.otherwise or ""))
    return form.value if form.name in ("truncate", "scrub") and isinstance(form.value, int) else None


def _room(most: int) -> int:
    """The bytes of the longest value whose reversible pseudonym fits."""
    return (most - 4) * 3 // 4 - 16


def check_form(rule: Rule, source: Source, *, answer: bool = False) -> None:
    """What is wrong with the form of one rule, into its source."""
    if rule.form.name == "mask" and rule.form.value is None and rule.category not in MASKED_BY_CONVENTION:
        source.find(
            "contract.form", rule.where, f"there is no convention for masking {rule.category}",
            "write {mask: {keep_last: 4}}",
        )  # fmt: skip
    if rule.form.name in ONLY_IN_ANSWERS and not answer:
        source.find("contract.form", rule.where, f"`{rule.form.name}` is a form of answers", "leave it out")
    if (rule.form.name in NEVER_IN_ANSWERS or is_token(rule.form)) and answer:
        source.find("contract.form", rule.where, f"`{rule.form.name}` is a form of what leaves", "leave it out")
    if answer and rule.place == _LOCATION and rule.form.name not in LEADS_BACK:
        source.find(
            "contract.form", rule.where, "whoever goes to a Location of the vendor's goes past the gateway",
            "write `form: relink`; of a redirect it does not come back as it is", note=True,
        )  # fmt: skip
    kind = GENERALISED_AS.get(rule.category)
    if isinstance(rule.form.value, Coarse) and kind not in (None, rule.form.value.kind):
        source.find(
            "contract.form", rule.where, f"{rule.category} is not generalised as {rule.form.value.kind}",
            f"write {{generalise: {kind}}}",
        )  # fmt: skip


def check_keys(vendor: Vendor, source: Source) -> None:
    """What is wrong with the public keys in a vendor's file, into its source."""
    for name, key in vendor.keys.items():
        try:
            public_key(key)
        except ValueError as error:
            code = "contract.secret" if "private" in str(error) else "contract.value"
            source.find(code, ("keys", name), f"`{name}`: {error}", "write the vendor's public key, as PEM or JWK")


def check_restores(terms: Sequence[Terms]) -> Iterator[Finding]:
    """Only a pseudonym that this vendor was sent, in a reversible form of the category, can be turned back."""
    sent = {
        (each.vendor.vendor, rule.category)
        for each in terms
        for rule in each.sending.rules
        if is_reversible(rule.form) or is_token(rule.form)
    }
    for each in terms:
        for rule in (rule for section in (each.answer, each.errors) if section for rule in section.rules):
            if rule.form.name == "restore" and (each.vendor.vendor, rule.category) not in sent:
                file, _, line = rule.where.rpartition(":")
                message = f"{rule.path}: {each.vendor.vendor} gets no {rule.category} that could be turned back"
                yield Finding(
                    "contract.form", file, int(line), message, "send it as {pseudonymise: reversible} or token"
                )
