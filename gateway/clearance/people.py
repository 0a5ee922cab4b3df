"""Who is meant, and whether data about them may be used at all."""

from collections.abc import Iterator

from gateway.clearance.question import Question, is_looked_up
from gateway.errors import Failure


def found(question: Question) -> Iterator[Failure]:
    for subject in question.terms.subjects:
        if subject.role in question.facts.missing and is_looked_up(subject) and not subject.optional:
            yield Failure("subject.unresolved", f"no {subject.role} is known for this call", question.terms.file)
