"""What a contract must keep to because of the kind of its body."""

import re
from collections.abc import Collection, Iterable, Mapping

from gateway.contract.compile import Source
from gateway.contract.form import OVER_CONTAINERS
from gateway.contract.items import check_items, is_attribute
from gateway.contract.model import ErrorAnswer, Nested
from gateway.contract.model import Section as Written
from gateway.contract.nest import text_at, texts_along, texts_of
from gateway.contract.strict_yaml import Location
from gateway.contract.terms import PART_ATTRIBUTES, Nest, Origin, Rule, Section, Terms
from gateway.contract.words import MAX_BYTES
from gateway.paths import EACH, Path
from gateway.vocabulary import Category

_ITEMS = "sentry-envelope"
_ELEMENT = re.compile(r"[^\W\d][\w.-]*")
_LAST = re.compile(r"@?[^\W\d][\w.-]*")


def check_sent_body(terms: Terms, source: Source) -> None:
    """What is wrong with what an operation says of the body that it sends."""
    check_body(terms.operation.sending, terms.sending, source, ("sending",), may_be_long=terms.may_be_long)
    _check_line(terms, source)


def check_body(
    written: Written | ErrorAnswer, section: Section, source: Source, at: Location, *, may_be_long: bool = False
) -> None:
    """What is wrong with the rules of one body, given what it is, and whether it need not be in memory."""
    _check_sizes(written, source, at, may_be_long=may_be_long)
    rules = [rule for rule in section.rules if rule.place.kind == "body"]
    _check_texts(rules, written, section, source, at)
    _check_parts(rules, section, source, at)
    _check_names(rules, written, section, source, at)
    if section.body == "opaque":
        _check_bounds(written, source, at)
        _check_opaque(rules, source, at)
        return
    if section.body == _ITEMS:
        check_items(rules, section.outside, source, at)
    for rule in rules:
        if not rule.place.path:
            message = "`$` is the whole body, and only an opaque one leaves as a whole"
            source.find("contract.path", rule.where, message, "name the fields in it")
        elif section.body == "ndjson" and rule.place.path[0] is not EACH:
            source.find(
                "contract.path", rule.where, f"{rule.path} is in no line", "begin with `$.*`, which is each line"
            )


def _check_sizes(written: Written | ErrorAnswer, source: Source, at: Location, *, may_be_long: bool) -> None:
    """What is looked into is in memory, and so is a body that is an answer, or signed; files and lines need not be."""
    nested: Mapping[str, Nested] = getattr(written, "nested", {})
    sizes = {at: (getattr(written, "max_bytes", 0), may_be_long)}
    for path, each in nested.items():
        is_file = written.body != "ndjson" and each.body == "opaque" and not each.encoding
        sizes[*at, "nested", path] = (each.max_bytes, may_be_long and is_file)
    for place, (size, is_long) in sizes.items():
        if size > MAX_BYTES and not is_long:
            message = "`max_bytes`: what has to be in memory, all but files and lines, is no longer than 8 MiB"
            source.find("contract.value", (*place, "max_bytes"), message, "write 8 MiB or less")


def _check_line(terms: Terms, source: Source) -> None:
    sending = terms.operation.sending
    at = ("sending", "max_line")
    if sending.max_line > MAX_BYTES:
        source.find("contract.value", at, "`max_line`: a line is in memory as a whole", "write 8 MiB or less")
    if "max_line" in sending.model_fields_set and sending.body != "ndjson":
        source.find("contract.value", at, "only `ndjson` has lines", "leave it out")


def _check_texts(
    rules: Iterable[Rule], written: Written | ErrorAnswer, section: Section, source: Source, at: Location
) -> None:
    """A text that holds a document is that document; as a text nothing else names it than what keeps it here."""
    if section.nest is None:
        return
    if section.body in ("opaque", "none"):
        source.find("contract.path", (*at, "nested"), f"a body that is {section.body} has no texts", "leave it out")
    for path, nested in getattr(written, "nested", {}).items():
        if nested.body == "opaque":
            _check_bounds(nested, source, (*at, "nested", path))
    for text, outer in texts_of(section.nest):
        _check_nested(text, outer, section, source, (*at, "nested"))
    for rule in rules:
        if (found := text_at(section.nest, rule.place.path)) is not None:
            _check_inside(rule, *found, section, source)


def _check_nested(text: Nest, outer: Nest | None, section: Section, source: Source, at: Location) -> None:
    """A text in a document that has none, and one that cannot hold what is said of it."""
    if outer is not None and text.around == "opaque":
        source.find("contract.path", at, f"{text.path} is in a text that is opaque", "leave it out")
    is_part = section.body == "multipart" and outer is None
    if text.held and text.held.encoding[:1] == ("gzip",) and not is_part:
        message = f"{text.path} is a text, and cannot hold what gzip makes"
        source.find("contract.value", at, message, "write [base64, gzip]")


def _check_inside(rule: Rule, text: Nest, rest: Path, section: Section, source: Source) -> None:
    """A rule that names a text which holds a document, or something in it."""
    body = text.held.body if text.held else ""
    if rest and _is_attribute(rest, text, section):
        _check_beside(rule, text, source)
    elif body == "opaque":
        if rest:
            message = f"nobody can look into {text.path} for {rule.path}"
            source.find("contract.path", rule.where, message, f"name {text.path}, which leaves whole")
        elif rule.form.name not in OVER_CONTAINERS:
            _check_whole(rule, source)
    elif not rest and rule.form.name not in OVER_CONTAINERS:
        source.find("contract.path", rule.where, f"{rule.path} holds a document", "name the fields in it")
    elif rest and body == "ndjson" and rest[0] is not EACH:
        source.find("contract.path", rule.where, f"{rule.path} is in no line", f"begin with `{text.path}.*`")


def _is_attribute(rest: Path, text: Nest, section: Section) -> bool:
    if len(rest) != 1 or rest[0] is EACH:
        return False
    return text.is_beside(rest[0]) or (section.body == _ITEMS and is_attribute(rest[0]))


def _check_beside(rule: Rule, text: Nest, source: Source) -> None:
    """A document has its text's attributes beside it where it is an object; a list has no place for them."""
    if text.each is not None or text.tree.each is not None or (text.held and text.held.body == "ndjson"):
        message = f"{text.path} holds a list, and {rule.path} has no place beside it"
        source.find("contract.path", rule.where, message, "leave it out")


def _check_parts(rules: Iterable[Rule], section: Section, source: Source, at: Location) -> None:
    """Of a part its name and type may leave beside what is in it, and nothing else that is not."""
    if section.body != "multipart":
        return
    if set(section.media) - {"multipart/form-data"}:
        source.find("contract.value", (*at, "media"), "a body of parts is multipart/form-data", "leave it out")
    named = {rule.place.path for rule in rules}
    for rule in rules:
        found = text_at(section.nest, rule.place.path) if section.nest else None
        if found is None or not found[0].held or found[0].held.body == "opaque":
            _check_part(rule, named, source)
        elif found[1][:1] and found[1][0] in PART_ATTRIBUTES:
            message = f"{rule.path}: of a part that holds a document the name and the type are not its own"
            source.find("contract.path", rule.where, message, "leave it out; a type in `media` leaves as it came")


def _check_part(rule: Rule, named: Collection[Path], source: Source) -> None:
    """One that is taken as it is has its name and type beside it."""
    *part, last = (str(step) for step in rule.place.path or ("",))
    beside = last if last.startswith("@") else None
    if any(step.startswith("@") for step in part) or (beside and beside not in PART_ATTRIBUTES):
        fix = f"name the part, or beside it {' or '.join(sorted(PART_ATTRIBUTES))}"
        source.find("contract.path", rule.where, f"{rule.path} is nothing that a part has", fix)
    elif beside and rule.place.path[:-1] not in named:
        source.find("contract.path", rule.where, f"{rule.path} is beside a part that nothing names", "name it too")


def _check_names(
    rules: Iterable[Rule], written: Written | ErrorAnswer, section: Section, source: Source, at: Location
) -> None:
    """Names in XML are those of elements, and of attributes where they end; its top is one element."""
    texts = texts_of(section.nest) if section.nest else ()
    if written.namespaces and "xml" not in (written.body, *(text.held.body for text, _ in texts if text.held)):
        source.find("contract.value", (*at, "namespaces"), "only XML has namespaces", "leave it out")
    for rule in rules:
        if not all(map(_is_path_of_xml, _paths_in_xml(rule, section))):
            message = f"{rule.path} is no element or attribute of XML"
            source.find("contract.path", rule.where, message, "write names without prefix, and .@name for an attribute")


def _is_path_of_xml(path: Path) -> bool:
    *elements, last = path or ("",)
    is_named = all(step is EACH or _ELEMENT.fullmatch(step) for step in elements)
    return not path or (EACH not in path[:1] and is_named and (last is EACH or _LAST.fullmatch(last) is not None))


def _paths_in_xml(rule: Rule, section: Section) -> Iterable[Path]:
    """The parts of a path that lead through XML, be it the body or in a text."""
    around, path = section.body, rule.place.path
    for depth, nest in texts_along(section.nest, path):
        if around == "xml":
            yield path[:depth]
        around, path = nest.held.body if nest.held else "", path[depth:]
    if around == "xml":
        yield path


def _check_bounds(written: Written | ErrorAnswer | Nested, source: Source, at: Location) -> None:
    for key in ("media", "max_bytes"):
        if not getattr(written, key, None) or key not in written.model_fields_set:
            source.find("contract.missing", (*at, "body"), f"an opaque body needs `{key}`", "say what may be in it")


def _check_opaque(rules: Iterable[Rule], source: Source, at: Location) -> None:
    """A credential of the vendor's that has its place in other bodies has none here, and is not put."""
    named = [rule for rule in rules if rule.origin is not Origin.CREDENTIAL or not rule.place.path]
    for rule in named:
        if rule.place.path:
            source.find("contract.path", rule.where, f"nobody can look into an opaque body for {rule.path}", "name `$`")
        elif rule.origin is not Origin.GROUP:
            source.find("contract.path", rule.where, "an opaque body is no pin and no credential", "leave it out")
        else:
            _check_whole(rule, source)
    if sum(rule.origin is Origin.GROUP and not rule.place.path for rule in named) != 1:
        source.find(
            "contract.missing", (*at, "groups"), "an opaque body leaves by one line",
            "add one group with the field `$`, its category and the reason",
        )  # fmt: skip


def _check_whole(rule: Rule, source: Source) -> None:
    if rule.form.name != "as_is":
        message = f"nothing can be done to an opaque body, least of all `{rule.form}`"
        source.find("contract.form", rule.where, message, "write as_is, or leave it out")
    if rule.category is Category.NOT_PERSONAL:
        message = "`not_personal` is tested on every call, and what nobody can look into cannot be"
        source.find("contract.category", rule.where, message, "name the category of what is in it at worst")
    message = f"nobody can look into this body, and it leaves whole as {rule.category}"
    source.find("contract.category", rule.where, message, "please ask why", note=True)
