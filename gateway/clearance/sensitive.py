"""What the law of China calls sensitive (PIPL 28): it leaves only with a consent that was asked for apart (PIPL 29)."""

from collections.abc import Iterator

from gateway.clearance.consents import Marks, answer, is_of_the_call
from gateway.clearance.people import is_flagged
from gateway.clearance.question import CHINA, GRANTED, Question, laws, present
from gateway.contract.terms import GroupTerms, Terms
from gateway.errors import Failure
from gateway.registry.facts import Person
from gateway.vocabulary import CN_SENSITIVE, FORMS_FOR_ANY, Flag

_SEPARATE = Marks(separate=True)


def separate(question: Question) -> Iterator[Failure]:
    """Whether people under the law of China agreed to what of theirs is sensitive, as far as the call rests on it."""
    for subject, person in present(question):
        if not _asks(question, person):
            continue
        groups = [each for each in question.terms.sending.groups if subject.role in each.roles]
        codes = [lacks_separate(question, group, person) for group in groups if is_of_the_call(question.terms, group)]
        for code in dict.fromkeys(filter(None, codes)):
            yield Failure(code, f"a separate one of the {subject.role}, to sensitive data", question.terms.file)


def lacks_separate(question: Question, group: GroupTerms, person: Person | None) -> str:
    """Why what is sensitive in a group does not leave, or GRANTED."""
    if not _asks(question, person) or group.number not in _sensitive(question.terms):
        return GRANTED
    return answer(question, person, group.purpose, _SEPARATE, group)[0]


def _asks(question: Question, person: Person | None) -> bool:
    """Whether the law asks for a separate consent of somebody, whatever it is to."""
    if not question.cn_separate or person is None or CHINA not in laws(question, person.jurisdiction):
        return False
    return not is_flagged(question, person, Flag.LEGAL_PERSON)


def asks_in(terms: Terms) -> frozenset[str]:
    """Where the people live whose consents are looked up, whatever the grounds are."""
    return frozenset({CHINA, "unknown"}) if _sensitive(terms) else frozenset()


def _sensitive(terms: Terms) -> frozenset[int]:
    """The groups in which something sensitive leaves."""
    return frozenset(
        rule.group
        for rule in terms.sending.rules
        if rule.category in CN_SENSITIVE and rule.form.name not in FORMS_FOR_ANY
    )
