"""Whether a form can be what its line says: a convention for the category, a place where it means something."""

from gateway.contract.compile import Source
from gateway.contract.form import GENERALISED_AS, MASKED_BY_CONVENTION, Coarse
from gateway.contract.terms import Rule


def check_form(rule: Rule, source: Source) -> None:
    """What is wrong with the form of one rule, into its source."""
    if rule.form.name == "mask" and rule.form.value is None and rule.category not in MASKED_BY_CONVENTION:
        source.find(
            "contract.form", rule.where, f"there is no convention for masking {rule.category}",
            "write {mask: {keep_last: 4}}",
        )  # fmt: skip
    kind = GENERALISED_AS.get(rule.category)
    if isinstance(rule.form.value, Coarse) and kind not in (None, rule.form.value.kind):
        source.find(
            "contract.form", rule.where, f"{rule.category} is not generalised as {rule.form.value.kind}",
            f"write {{generalise: {kind}}}",
        )  # fmt: skip
