"""Builds what leaves from what the contract names, and proves it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple, cast

from gateway.bind import Bound, Step
from gateway.body.codecs import FORM, holds_body
from gateway.body.document import Attributed, Document, Marked, Scalar, Stored
from gateway.contract.terms import Condition, Node, Origin, Required, Rule
from gateway.errors import Failure, Refusal, Unfit, refuse
from gateway.forms import NOWHERE, Change, Situation, as_text
from gateway.known import known_in
from gateway.links import leads_elsewhere, may_lead
from gateway.paths import step_written, values_at
from gateway.pieces import Payload
from gateway.scrub import personal_kind
from gateway.vocabulary import RETAINED_IDS

GRANTED: Final = ""
"""The reason for which a group stays here, when there is none."""
_SHORT = frozenset({str, int, bool, Decimal, type(None)})
"""The classes of plain values; a value that remembers where it came from takes the long way."""


_CONTAINERS = (dict, list)


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


@dataclass(frozen=True, slots=True)
class Minimised:
    """What is left of the documents of a call or answer, by kind of place, and what became of the rest.

    `counts` has for each rule how many values it let out, `stayed` each place that stayed, as often as it did;
    `retained` holds the numbers that later calls refer to.
    """

    documents: Mapping[str, Document]
    counts: Sequence[int]
    stayed: Sequence[Withheld]
    retained: Sequence[str]

    @property
    def withheld(self) -> Mapping[Withheld, int]:
        return Counter(self.stayed)


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
) -> Minimised:
    """Builds up, from nothing, what the rules name in the documents of each kind of place.

    `grants` has for each group the reason for which it stays here, or GRANTED; `items` is what holds instead for each
    item of a batch. `secrets` are tokens and keys, kept here wherever they stand. Raises Refusal with every `field.*`
    failure; of an `answer` nothing is refused, it is withheld.
    """
    changes = _changes_in(bound, documents, situation)
    walk = _Walk(bound, grants, secrets, answer=answer, changes=changes, items=iter(items))
    steps = bound.steps
    for kind, document in documents.items():
        walk.conditions_at_top(steps[kind].node, document)
    kept = {kind: walk.top(steps[kind], document) for kind, document in documents.items()}
    walk.missing_lists()
    if walk.failures:
        raise Refusal(*walk.failures)
    return Minimised(kept, walk.counts, walk.withheld, walk.retained)


def _changes_in(bound: Bound, documents: Mapping[str, Document], situation: Situation) -> Sequence[Change | None]:
    if not bound.in_calls:
        return bound.changes
    if bound.scrubs:
        situation = replace(situation, known=(*situation.known, *known_in(bound.section, documents)))
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
        "counts",
        "failures",
        "grants",
        "holds",
        "items",
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
    ) -> None:
        self.bound = bound
        self.grants = grants
        self.secrets = secrets
        self.answer = answer
        self.changes = changes
        self.items = items
        self.rules = bound.section.rules
        self.counts = [0] * len(self.rules)
        self.holds = [False] * bound.section.conditions
        self.shortest: float = min(map(len, secrets), default=inf)
        self.all_granted = grants is None or not any(grants)
        self.withheld: list[Withheld] = []
        self.failures: list[Failure] = []
        self.retained: list[str] = []
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
        for rule in self.rules:
            if rule.required and rule.number not in self.seen and self._applies(rule):
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
        find, counts, node, shortest, urls = step.members.get, self.counts, step.node, self.shortest, self.bound.urls
        for name, item in value.items():
            child = find(name)
            if child is None:
                self.withheld.append(_withheld((node.path, name, "field.unnamed" if node.cover is None else "drop")))
            elif (
                child.is_leaf
                and self.all_granted
                and (kind := item.__class__) in _SHORT
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
        elements = [decide(each, element) for element in value]
        if value and all(element is _NOTHING for element in elements):
            return self._all_stays(step.node, mark)
        return [{} if element is _NOTHING else cast("Document", element) for element in elements]

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
        return isinstance(value, str) and any(secret in value for secret in self.secrets)

    def _rule(self, node: Node) -> int | None:
        """The one of a place's rules whose conditions hold."""
        for number in node.rules:
            if all(self.holds[condition] for condition in self.rules[number].conditions):
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
            rule = self.rules[required.rule]
            if (code := _absent(required, value)) and self._applies(rule):
                self._fail(code, rule.path, rule)


def _absent(required: Required, value: Document) -> str | None:
    """Why a required field does not count as there, or None."""
    below = required.below
    if len(below) == 1 and value.__class__ is dict:
        found = cast("dict[str, object]", value).get(cast("str", below[0]))
    else:
        found = next(values_at(value, below), None)
    if found is None:
        return "field.required"
    return "field.type" if isinstance(found, _CONTAINERS) else None


def _holds(condition: Condition, value: Document) -> bool:
    found = next(values_at(value, condition.below), None)
    return (
        found is not None and not isinstance(found, _CONTAINERS) and as_text(cast("Scalar", found)) in condition.texts
    )


def proved(
    bound: Bound, outgoing: Minimised, incoming: Mapping[str, Document], payload: Payload, query: bytes
) -> tuple[Payload, bytes]:
    """Payload and query as given, once another parser has found in them exactly what was let out.

    Raises Refusal `proof.failed` for anything that no rule lets out, whoever put it there.
    """
    trees, documents = bound.section.trees, outgoing.documents
    if not holds_body(payload, documents["body"], incoming["body"], bound.section):
        raise refuse("proof.failed", "the body read again is not the body that was built")
    if (query or documents["query"]) and not FORM.holds(query, documents["query"], incoming["query"], trees["query"]):
        raise refuse("proof.failed", "the query read again is not the query that was built")
    for kind, document in documents.items():
        if document and not _is_named(bound.steps[kind], document, top=True):
            raise refuse("proof.failed", f"the {kind} holds a place that no rule lets out")
    return payload, query


def _is_named(step: Step, document: Document, *, top: bool = False) -> bool:
    """Whether every value in a document stands where a rule lets one out."""
    if isinstance(document, list):
        each = step.each
        return each is not None and all(element == {} or _is_named(each, element) for element in document)
    if not isinstance(document, dict):
        return step.lets and (not isinstance(document, Attributed) or _is_named(step, document.attributes, top=True))
    if not top and not step.members:
        return False
    for name, value in document.items():
        child = step.members.get(name)
        if child is None or not (_is_named(child, value) if value.__class__ not in _SHORT else child.lets):
            return False
    return True
