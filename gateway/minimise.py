"""Builds what leaves from what the contract names, and proves it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, cast

from gateway.bind import Bound, Step
from gateway.body.document import PLAIN, Attributed, Digest, Document, Marked, Scalar, Stored, as_text
from gateway.body.lines import Lines, Written
from gateway.contract.terms import Condition, Node, Origin, Required, Rule
from gateway.errors import Failure, Refusal, Unfit
from gateway.forms.forms import NOWHERE, Change, Situation
from gateway.forms.links import leads_elsewhere, may_lead
from gateway.frozen import Frozen, changed
from gateway.known import known_in
from gateway.paths import step_written, values_at
from gateway.pieces import Payload
from gateway.proving import line_of
from gateway.scrub import personal_kind
from gateway.vocabulary import RETAINED_IDS

GRANTED: Final = ""
"""The reason for which a group stays here, when there is none."""
_CONTAINERS = (dict, list)
_MOST_NAMES: Final = 1_000


class _Nothing:
    """What a place leaves of which nothing leaves."""


_NOTHING: Final = _Nothing()


class Withheld(NamedTuple):
    """A place that stayed. `name` is the last step where no contract line names it: a name that may be data."""

    path: str
    name: str | None
    reason: str

    def __str__(self) -> str:
        if self.name is None:
            return self.path
        step = step_written(self.name) if self.path.startswith("$") else self.name
        return f"{self.path}{step}" if self.path.endswith(":") or step[0] in ".[" else f"{self.path}.{step}"


# What `Withheld(...)` does, without the call in between.
_withheld: Callable[[tuple[str, str, str]], Withheld] = partial(tuple.__new__, Withheld)


class Minimised(Frozen, frozen=True):
    """What is left of the documents of a call or answer, by kind of place, and what became of the rest.

    `counts` has for each rule how many values it let out, `stayed` each place that stayed, as often as it did;
    `retained` holds the numbers that later calls refer to. Of lines that are not in memory, what stayed is `counted`.
    """

    documents: Mapping[str, Document]
    counts: Sequence[int]
    stayed: Sequence[Withheld]
    retained: Sequence[str]
    counted: Mapping[Withheld, int] = {}

    @property
    def withheld(self) -> Mapping[Withheld, int]:
        return Counter(self.stayed) + Counter(self.counted)

    @property
    def staying(self) -> int:
        """How often something stayed."""
        return len(self.stayed) + sum(self.counted.values())


@dataclass(frozen=True, slots=True)
class Alone:
    """What holds for one item of a batch: the documents as if it had come alone, its grants, and its situation."""

    documents: Mapping[str, Document]
    grants: Sequence[str]
    situation: Situation = NOWHERE


def minimise(
    bound: Bound,
    documents: Mapping[str, Document],
    grants: Sequence[str] | None = None,
    *,
    secrets: Sequence[str] = (),
    answer: bool = False,
    situation: Situation = NOWHERE,
    items: Sequence[Alone] = (),
    keep: Callable[[Iterable[bytes]], Payload] = b"".join,
) -> Minimised:
    """Builds up, from nothing, what the rules name in the documents of each kind of place.

    `grants` has for each group the reason for which it stays here, or GRANTED; `items` is what holds instead for each
    item of a batch. `secrets` are tokens and keys, kept here wherever they stand. Lines that are not in memory leave
    where `keep` puts them, proved. Raises Refusal with every `field.*` failure, of such lines those of the first line
    that has any; of an `answer` nothing is refused, it is withheld.
    """
    changes = _changes_in(bound, documents, situation)
    walk = _Walk(bound, grants, secrets, answer=answer, changes=changes, items=iter(items), keep=keep)
    steps = bound.steps
    for kind, document in documents.items() if bound.section.conditions else ():
        walk.conditions_at_top(steps[kind].node, document)
    kept = {kind: walk.top(steps[kind], document) for kind, document in documents.items()}
    walk.missing_lists()
    if walk.failures:
        raise Refusal(*walk.failures)
    return Minimised(kept, walk.counts, walk.withheld, walk.retained, walk.counted)


def _changes_in(bound: Bound, documents: Mapping[str, Document], situation: Situation) -> Sequence[Change | None]:
    if not bound.in_calls:
        return bound.changes
    if bound.scrubs:
        situation = changed(situation, known=(*situation.known, *known_in(bound.section, documents)))
    changes = list(bound.changes)
    for number, made in bound.in_calls.items():
        changes[number] = made(situation)
    return changes


class _Walk:
    """One pass over the documents of one call."""

    __slots__ = (
        "all_granted",
        "answer",
        "bound",
        "changes",
        "counted",
        "counts",
        "failures",
        "grants",
        "holds",
        "items",
        "keep",
        "retained",
        "rules",
        "secrets",
        "seen",
        "shortest",
        "withheld",
    )

    def __init__(
        self,
        bound: Bound,
        grants: Sequence[str] | None,
        secrets: Sequence[str],
        *,
        answer: bool,
        changes: Sequence[Change | None],
        items: Iterator[Alone],
        keep: Callable[[Iterable[bytes]], Payload],
    ) -> None:
        self.bound = bound
        self.grants = grants
        self.secrets = secrets
        self.answer = answer
        self.changes = changes
        self.items = items
        self.keep = keep
        self.rules = bound.section.rules
        self.counts = [0] * len(self.rules)
        self.holds = [False] * bound.section.conditions
        self.shortest: float = min(map(len, secrets), default=inf)
        self.all_granted = grants is None or not any(grants)
        self.withheld: list[Withheld] = []
        self.failures: list[Failure] = []
        self.retained: list[str] = []
        self.counted: dict[Withheld, int] = {}
        self.seen: set[int] = set()

    def top(self, step: Step, document: Document) -> Document:
        if not document and not step.node.required and document.__class__ is dict:
            return document
        kept: Document | _Nothing
        kept = self._members(step, document) if isinstance(document, dict) else self._value(step, document)
        if step.node.required:
            self._require(step.node, document)
        return {} if isinstance(kept, _Nothing) else kept

    def conditions_at_top(self, node: Node, document: Document) -> None:
        for condition in node.conditions:
            self.holds[condition.number] = _holds(condition, document)

    def missing_lists(self) -> None:
        """A field that every element must have needs an element."""
        for rule in self.bound.required:
            if rule.number not in self.seen and self._applies(rule):
                self.failures.append(Failure("field.required", rule.path, rule.where))

    def _value(self, step: Step, value: Document) -> "Document | _Nothing":
        if isinstance(value, dict):
            return self._object(step, value)
        if isinstance(value, list):
            return self._list(step, value)
        if isinstance(value, Attributed) and value.attributes:
            return self._attributed(step, value)
        return self._scalar(step.node, cast("Scalar", value))

    def _attributed(self, step: Step, value: Attributed) -> "Document | _Nothing":
        """A text and what is beside it leave each for itself; of the text alone, as a new one that has nothing else."""
        mark = len(self.withheld)
        alone = value.beside({}) if isinstance(value, Stored) else str(value)
        left = self._scalar(step.node, alone) if value or step.node.rules else _NOTHING
        kept = self._members(step, value.attributes)
        if isinstance(left, _Nothing):
            return kept or self._all_stays(step.node, mark)
        return Attributed(as_text(cast("Scalar", left)), kept) if kept else left

    def _object(self, step: Step, value: dict[str, Document]) -> "Document | _Nothing":
        if not step.members:
            return self._container_stays(step.node)
        mark = len(self.withheld)
        kept = self._members(step, value)
        if value and not kept:
            return self._all_stays(step.node, mark)
        return kept

    def _members(self, step: Step, value: dict[str, Any]) -> dict[str, Document]:
        kept: dict[str, Document] = {}
        find, counts, shortest, all_granted = step.members.get, self.counts, self.shortest, self.all_granted
        node, urls, withheld = step.node, self.bound.urls, self.withheld
        for name, item in value.items():
            child = find(name)
            if child is None:
                withheld.append(_withheld((node.path, name, "field.unnamed" if node.cover is None else "drop")))
            elif (
                child.is_leaf
                and all_granted
                and (kind := item.__class__) in PLAIN
                and (kind is not str or len(item) < shortest)
                and not (child.claims and personal_kind(item))
                and not (child.watched and kind is str and may_lead(item) and leads_elsewhere(item, urls))
            ):
                counts[child.number] += 1
                kept[name] = item if child.change is None else child.change(item)
            elif not isinstance(left := self._value(child, item), _Nothing):
                kept[name] = left
        return kept

    def _list(self, step: Step, value: list[Document]) -> "Document | _Nothing":
        if (each := step.each) is None:
            return self._container_stays(step.node)
        mark = len(self.withheld)
        if isinstance(value, Marked):
            self.withheld += (Withheld(step.node.path, name, "field.unnamed") for name in value.attributes)
        decide = self._item if step is self.bound.items else self._element
        if isinstance(value, Lines):
            return self._lines(value, partial(decide, each))
        elements: list[Any] = [decide(each, element) for element in value]
        if value and elements.count(_NOTHING) == len(elements):
            return self._all_stays(step.node, mark)
        return [{} if element is _NOTHING else element for element in elements]

    def _lines(self, lines: Lines, decide: "Callable[[Document], Document | _Nothing]") -> "Document | _Nothing":
        """What leaves of lines, each written and proved before the next is read, so that no two are in memory."""
        digest, is_left = Digest(), False

        def written() -> Iterator[bytes]:
            nonlocal is_left
            for source in lines.each():
                left = decide(source)
                self._next_line()
                is_left = is_left or left is not _NOTHING
                line = line_of(self.bound, {} if isinstance(left, _Nothing) else left, source)
                digest.update(line)
                yield line

        content = self.keep(written())
        return Written.at(content, digest) if is_left or not lines else _NOTHING

    def _next_line(self) -> None:
        """What is known of lines does not grow with them: names that are nobody's are counted one by one up to a bound.

        What the vendor is told to remember is of interest in answers, and those are in memory.
        """
        if self.failures:
            raise Refusal(*self.failures)
        for stayed in self.withheld:
            is_full = stayed.name is not None and len(self.counted) >= _MOST_NAMES and stayed not in self.counted
            place = Withheld(f"{stayed.path}.*", None, stayed.reason) if is_full else stayed
            self.counted[place] = self.counted.get(place, 0) + 1
        self.withheld.clear()
        self.retained.clear()

    def _item(self, each: Step, element: Document) -> "Document | _Nothing":
        """An element for which something else holds, if it is one of a batch that was decided."""
        if (item := next(self.items, None)) is None:
            return self._element(each, element)
        around = self.grants, self.all_granted, self.changes
        self.grants, self.all_granted = item.grants, not any(item.grants)
        self.changes = _changes_in(self.bound, item.documents, item.situation)
        left = self._element(each, element)
        self.grants, self.all_granted, self.changes = around
        return left

    def _element(self, each: Step, element: Document) -> "Document | _Nothing":
        if each.node.conditions:
            self.conditions_at_top(each.node, element)
        left = self._value(each, element)
        if each.node.required:
            self._require(each.node, element)
        return left

    def _scalar(self, node: Node, value: Scalar) -> "Document | _Nothing":
        number = self._rule(node)
        if number is None:
            self.withheld.append(Withheld(node.path, None, "field.condition" if node.rules else "field.type"))
            return _NOTHING
        action = self.bound.actions[number]
        rule = self.rules[number]
        if action in ("drop", "refuse"):
            return self._kept_here(node, rule, action, present=value is not None)
        if self.grants is not None and rule.group >= 0 and (reason := self.grants[rule.group]):
            self.withheld.append(Withheld(node.path, None, reason))
            return _NOTHING
        if rule.origin is not Origin.CREDENTIAL and self._holds_secret(value):
            self.withheld.append(Withheld(node.path, None, "field.secret"))
            return _NOTHING
        return self._let(node, rule, action, value)

    def _let(self, node: Node, rule: Rule, action: str, value: Scalar) -> "Document | _Nothing":
        if action == "claim" and not self._is_impersonal(node, rule, value):
            return _NOTHING
        if rule.number in self.bound.watched and isinstance(value, str) and leads_elsewhere(value, self.bound.urls):
            return self._unfit(node, rule, Unfit("field.link"))
        if action == "retain" and value is not None:
            self.retained.append(as_text(value))
        return self._changed(node, rule, value)

    def _changed(self, node: Node, rule: Rule, value: Scalar) -> "Document | _Nothing":
        change = self.changes[rule.number]
        try:
            left = value if change is None else change(value)
        except Unfit as unfit:
            return self._unfit(node, rule, unfit)
        self.counts[rule.number] += 1
        if self.bound.actions[rule.number] == "fit" and rule.category in RETAINED_IDS and left is not None:
            self.retained.append(as_text(left))
        return left

    def _unfit(self, node: Node, rule: Rule, unfit: Unfit) -> _Nothing:
        """A value that its form can make nothing of stays, in an answer whatever else that means."""
        if unfit.refuses or rule.required:
            self._fail(unfit.code, node.path, rule)
        self.withheld.append(Withheld(node.path, None, unfit.code))
        return _NOTHING

    def _holds_secret(self, value: Scalar) -> bool:
        if isinstance(value, Stored):
            return any(map(value.holds, self.secrets))
        return (
            isinstance(value, str) and len(value) >= self.shortest and any(secret in value for secret in self.secrets)
        )

    def _rule(self, node: Node) -> int | None:
        """The one of a place's rules whose conditions hold."""
        for number in node.rules:
            conditions = self.rules[number].conditions
            if not conditions or all(self.holds[condition] for condition in conditions):
                return number
        return None

    def _is_impersonal(self, node: Node, rule: Rule, value: Scalar) -> bool:
        """`not_personal` is a claim; where it does not hold, the call is refused."""
        kind = personal_kind(value)
        if kind is None:
            return True
        self._fail("field.personal", f"{node.path} holds what looks like personal data: {kind}", rule)
        self.withheld.append(Withheld(node.path, None, "field.personal"))
        return False

    def _kept_here(self, node: Node, rule: Rule, action: str, *, present: bool) -> _Nothing:
        if action == "refuse" and present:
            self._fail("field.refused", node.path, rule)
        self.withheld.append(Withheld(node.path, None, "drop" if action == "drop" else "field.refused"))
        return _NOTHING

    def _container_stays(self, node: Node) -> _Nothing:
        if node.cover is not None:
            rule = self.rules[node.cover]
            return self._kept_here(node, rule, rule.form.name, present=True)
        self.withheld.append(Withheld(node.path, None, "field.type"))
        return _NOTHING

    def _all_stays(self, node: Node, mark: int) -> _Nothing:
        """One report for a whole of which nothing left, at its highest point."""
        reasons = {reason for _, _, reason in self.withheld[mark:]}
        del self.withheld[mark:]
        self.withheld.append(Withheld(node.path, None, reasons.pop() if len(reasons) == 1 else "field.unnamed"))
        return _NOTHING

    def _fail(self, code: str, detail: str, rule: Rule) -> None:
        if not self.answer:
            self.failures.append(Failure(code, detail, rule.where))

    def _applies(self, rule: Rule) -> bool:
        granted = self.grants is None or rule.group < 0 or not self.grants[rule.group]
        return granted and all(self.holds[condition] for condition in rule.conditions)

    def _require(self, node: Node, value: Document) -> None:
        for required in node.required:
            self.seen.add(required.rule)
            if (code := _absent(required, value)) and self._applies(rule := self.rules[required.rule]):
                self._fail(code, rule.path, rule)


def _absent(required: Required, value: Document) -> str | None:
    """Why a required field does not count as there, or None."""
    found: Any = value
    for step in required.below:
        if not isinstance(found, dict):
            # Beside a text, or in a list.
            found = next(values_at(value, required.below), None)
            break
        found = found.get(step)
    if found is None:
        return "field.required"
    return "field.type" if isinstance(found, _CONTAINERS) else None


def _holds(condition: Condition, value: Document) -> bool:
    found = next(values_at(value, condition.below), None)
    return (
        found is not None and not isinstance(found, _CONTAINERS) and as_text(cast("Scalar", found)) in condition.texts
    )
