"""Whether text that somebody wrote leaves as it was written."""

import re

from gateway.contract.compile import Source
from gateway.contract.terms import Origin, Rule, Terms

# What APIs call the place where anybody writes anything; whether there is one, or is shown, is said by a flag.
_PROSE = re.compile(
    r"(?!(?:has|is|show)_)(?:.*_)?(?:notes?|messages?|comments?|remarks?|instructions?|memo|free_?text|feedback|complaint|greeting)"
)
_NEW_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|-")
# The vendor reads what is encrypted for it.
_AS_WRITTEN = frozenset({"as_is", "encrypt", "truncate"})


def check_free_text(terms: Terms, source: Source) -> None:
    """A note for each field that is called like free text and leaves in the words in which it came."""
    for rule in terms.sending.rules:
        if rule.origin is Origin.GROUP and rule.form.name in _AS_WRITTEN and _is_called_prose(rule):
            message = f"{rule.path} is called like free text and leaves as it was written"
            source.find("contract.category", rule.where, message, "use the form scrub", note=True)


def _is_called_prose(rule: Rule) -> bool:
    names = [step for step in rule.place.path if isinstance(step, str)]
    return bool(names) and _PROSE.fullmatch(_NEW_WORD.sub("_", names[-1]).lower()) is not None
