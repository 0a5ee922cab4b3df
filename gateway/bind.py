"""Rules joined to what they do, once for all calls."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from gateway.contract.form import CAN_FAIL, is_token, may_leave_address
from gateway.contract.nest import text_at
from gateway.contract.terms import Node, Origin, Rule, Section
from gateway.forms.forms import NOWHERE, Change, Fixed, Situation, bounded, change_in, change_of, reaching
from gateway.jwe import PublicKey, public_key
from gateway.vocabulary import RETAINED_IDS, Category

_CLAIMING = frozenset({Origin.GROUP, Origin.HEADER})
_IN_CALLS = frozenset({"encrypt", "scrub"})


@dataclass(slots=True)
class Step:
    """A node of the rule tree joined to what its rules do.

    `is_leaf` marks the common case that the walk takes without a detour: one value, one rule without conditions, whose
    value leaves unless its group stays; where it `claims`, only if nothing personal is found in it. `lets` says whether
    any rule here lets a value out, and `watched` whether an address in it may lead to listed hosts only.
    """

    node: Node
    members: dict[str, "Step"]
    each: "Step | None"
    is_leaf: bool
    claims: bool
    watched: bool
    lets: bool
    number: int
    change: Change | None


@dataclass(frozen=True, slots=True)
class Bound:
    """A section whose rules are joined to what they do: made once, when contracts are loaded.

    `in_calls` has the forms that do in each call what that call asks for; `key_ids`, of rules whose values are
    encrypted, the thumbprint of the key; both by the rule's number. `urls` are the origins to which an address may lead
    that leaves as it came, by the rules in `watched`. `scrubs` says whether some rule is about free text,
    `required` are the rules whose fields must be there, and `items` is the list of a batch.
    """

    section: Section
    changes: tuple[Change | None, ...]
    actions: tuple[str, ...]
    steps: Mapping[str, Step]
    in_calls: Mapping[int, Callable[[Situation], Change | None]]
    key_ids: Mapping[int, str]
    scrubs: bool
    urls: frozenset[str]
    watched: frozenset[int]
    required: tuple[Rule, ...]
    items: Step | None = None


def bind(
    section: Section,
    key: Callable[[], bytes],
    secrets: Callable[[str], str],
    markets: Sequence[str] = (),
    public: Callable[[str], PublicKey] = public_key,
) -> Bound:
    """Joins rules to forms. `key` is the vendor's own; `secrets` puts values where a credential names them.

    `markets` are the countries that the policy is for; `public` finds the public key that a contract names.
    """
    keys = {rule.number: public(str(rule.form.value)) for rule in section.rules if rule.form.name == "encrypt"}
    urls = section.urls
    changes = tuple(_change(rule, key, secrets, markets, keys.get(rule.number), urls) for rule in section.rules)
    actions = tuple(_action(rule, urls) for rule in section.rules)
    watched = frozenset(_watched(section))
    tables = _Tables(section.rules, changes, actions, watched)
    steps = {kind: _step(node, tables) for kind, node in section.trees.items()}
    in_calls = dict(_in_calls(section, key, markets, keys))
    key_ids = {number: each.id for number, each in keys.items()}
    scrubs = any(rule.form.name == "scrub" for rule in section.rules)
    items = _items(section, steps["body"])
    required = tuple(rule for rule in section.rules if rule.required)
    return Bound(
        section, changes, actions, steps, in_calls, key_ids, scrubs, urls or frozenset(), watched, required, items
    )


class _Tables(NamedTuple):
    """What is known of rules, by their numbers."""

    rules: Sequence[Rule]
    changes: Sequence[Change | None]
    actions: Sequence[str]
    watched: Collection[int]


def _watched(section: Section) -> Iterator[int]:
    """The rules by which texts leave as they came; bytes into which nobody looks are no texts."""
    for rule in section.rules if section.urls is not None and section.body != "opaque" else ():
        found = text_at(section.nest, rule.place.path) if section.nest else None
        is_file = found is not None and not found[1] and found[0].held is not None and found[0].held.body == "opaque"
        if rule.form.name == "as_is" and not is_file:
            yield rule.number


def _in_calls(
    section: Section, key: Callable[[], bytes], markets: Sequence[str], keys: Mapping[int, PublicKey]
) -> Iterator[tuple[int, Callable[[Situation], Change | None]]]:
    for rule in section.rules:
        public = keys.get(rule.number)
        fixed = Fixed(rule.form, rule.category, key(), tuple(markets), rule.roles, public, section.urls)
        if rule.origin is not Origin.CREDENTIAL and change_in(fixed, NOWHERE) is not None:
            yield rule.number, partial(_in_call, fixed, rule.max_chars)


def _in_call(fixed: Fixed, most: int | None, situation: Situation) -> Change | None:
    change = change_in(fixed, situation)
    return change if most is None else bounded(change, most)


def _items(section: Section, step: Step | None) -> Step | None:
    """Where in the tree the list of a batch stands, if any rule leads there."""
    for name in section.batch.path if section.batch else ():
        step = step.members.get(str(name)) if step else None
    return step if section.batch else None


def _step(node: Node, known: _Tables) -> Step:
    members = {name: _step(child, known) for name, child in node.members.items()}
    each = _step(node.each, known) if node.each else None
    number = node.rules[0] if len(node.rules) == 1 and not known.rules[node.rules[0]].conditions else -1
    action = known.actions[number] if number >= 0 and not node.leads_on and not node.conditions else ""
    change = known.changes[number] if number >= 0 else None
    claims = action == "claim" and change is None
    lets = any(known.actions[each] not in ("drop", "refuse") for each in node.rules)
    return Step(node, members, each, claims or action == "let", claims, number in known.watched, lets, number, change)


def _change(
    rule: Rule,
    key: Callable[[], bytes],
    secrets: Callable[[str], str],
    markets: Sequence[str],
    public: PublicKey | None,
    urls: frozenset[str] | None,
) -> Change | None:
    if rule.origin is Origin.CREDENTIAL:
        secret = secrets(str(rule.form.value))
        return lambda _: secret
    if rule.form.name in ("drop", "refuse"):
        return None
    change = change_of(rule.form, rule.category, key(), markets, public)
    if change is not None and urls is not None and may_leave_address(rule.form):
        change = reaching(change, urls)
    return change if rule.max_chars is None else bounded(change, rule.max_chars)


def _action(rule: Rule, urls: frozenset[str] | None) -> str:
    if rule.form.name in ("drop", "refuse"):
        return rule.form.name
    if rule.form.name == "as_is" and rule.category is Category.NOT_PERSONAL and rule.origin in _CLAIMING:
        return "claim"
    can_fail = rule.form.name in CAN_FAIL | _IN_CALLS or is_token(rule.form) or rule.max_chars is not None
    if can_fail or (urls is not None and may_leave_address(rule.form)):
        return "fit"
    return "retain" if rule.category in RETAINED_IDS else "let"
