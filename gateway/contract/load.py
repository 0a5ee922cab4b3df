"""A folder of contract files becomes one set, loaded whole or not at all."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path as Folder
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gateway.contract.activities import NOTHING, Activities, unknown
from gateway.contract.addresses import origins
from gateway.contract.announcing import Announced
from gateway.contract.batches import batch_of
from gateway.contract.check import check_answer, check_policy, check_terms, check_vendor
from gateway.contract.check_set import check_set
from gateway.contract.check_sign import check_sign, check_signed_places
from gateway.contract.compile import Defaults, Source, compile_section, match_of, with_names
from gateway.contract.hooks import HookTerms, hook_terms
from gateway.contract.model import Answer, Entities, ErrorAnswer, Operation, Policy, Vendor
from gateway.contract.strict_yaml import Location, Sheet, YamlError, read_sheet
from gateway.contract.terms import Host, Origin, Section, Segment, SubjectTerms, Terms
from gateway.errors import ContractError, Finding, StartError
from gateway.misfit import MISSING, NO_KEY, Misfit, misfits
from gateway.paths import EACH, PLACES, Path, Place
from gateway.vocabulary import SubjectRole, is_prohibited

Model = TypeVar("Model", bound=BaseModel)

_CODES: Mapping[str, str] = {
    "why": "contract.why",
    "form": "contract.form",
    "category": "contract.category",
    "legal_basis": "contract.basis",
    "hosts": "contract.hosts",
    "match": "contract.match",
    "fields": "contract.category",
    "headers": "contract.why",
}
_OF_THE_SET = ("policy.yaml", "entities.yaml", "activities.yaml")
_SHALLOW = frozenset({"literal_error", "model_type", "dict_type", "string_type", "too_short"})


def root_of(path: Folder) -> tuple[Folder, str]:
    """The folder of a set, found above a file or folder in it, and what was asked for below it. Raises StartError."""
    if not path.exists():
        raise StartError(f"there is no {path}")
    path = path.absolute()
    for folder in (path, *path.parents):
        if (folder / "policy.yaml").is_file():
            below = path.relative_to(folder).as_posix()
            return folder, "" if below == "." else below
    raise StartError(f"there is no policy.yaml in {path} or above it")


@dataclass(frozen=True, slots=True)
class ContractSet:
    """Everything that is in force: policy, companies, vendors and the terms of each operation."""

    root: Folder
    policy: Policy
    entities: Entities
    vendors: Mapping[str, Vendor]
    terms: tuple[Terms, ...]
    hooks: tuple[HookTerms, ...] = ()
    attested: Mapping[tuple[str, str], date] = field(default_factory=dict)
    """By vendor and what it says of itself in writing: when it did so last."""
    announced: Mapping[str, tuple[Announced, ...]] = field(default_factory=dict)
    """By vendor: the companies that it said would work for it."""
    notes: tuple[Finding, ...] = ()
    activities: Activities = NOTHING


def load(root: Folder, *, environment: str = "live", sandbox: Mapping[str, str] | None = None) -> ContractSet:
    """The set in a folder. `sandbox` puts vendor hosts on this machine. Raises ContractError with every finding."""
    contracts, findings = read(root, environment=environment, sandbox=sandbox)
    if contracts is None:
        raise ContractError([finding for finding in findings if finding.level == "error"])
    return contracts


def read(
    root: Folder, *, environment: str = "live", sandbox: Mapping[str, str] | None = None
) -> tuple[ContractSet | None, tuple[Finding, ...]]:
    """The set in a folder, or None, with everything there is to say about it."""
    reading = _Reading(root, environment, dict(sandbox or {}))
    contracts = reading.whole()
    findings = tuple(sorted(reading.findings, key=lambda finding: (finding.file, finding.line)))
    if contracts is None or any(finding.level == "error" for finding in findings):
        return None, findings
    return replace(contracts, notes=findings), findings


@dataclass(slots=True)
class _Reading:
    """The files of a set while they are read; findings are collected, none stops the reading of the others."""

    root: Folder
    environment: str
    sandbox: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    hooks: list[HookTerms] = field(default_factory=list)

    def whole(self) -> ContractSet | None:
        if not self.root.is_dir():
            fix = "name the one that has policy.yaml, by GATEWAY_CONTRACTS or --contracts"
            self.findings.append(Finding("contract.missing", str(self.root), 1, "there is no such folder", fix))
            return None
        policy = self._file(self.root / "policy.yaml", Policy)
        entities = self._file(self.root / "entities.yaml", Entities)
        for other in self._files(self.root):
            if other.name not in _OF_THE_SET:
                fix = f"there are {', '.join(_OF_THE_SET)}; what is a vendor's stands in its folder"
                self.findings.append(Finding("contract.name", other.name, 1, "a file of this name is not read", fix))
        folders = sorted(
            folder for folder in self.root.iterdir() if folder.is_dir() and not folder.name.startswith(".")
        )
        vendors = {folder.name: self._vendor(folder) for folder in folders}
        if policy is None or entities is None:
            return None
        self.findings += check_policy(policy[0], policy[1])
        loaded = {name: vendor for name, (vendor, _) in vendors.items() if vendor is not None}
        terms = tuple(terms for _, several in vendors.values() for terms in several)
        self.findings += check_set(loaded, terms, entities[0])
        activities = self._activities(entities[0])
        return ContractSet(self.root, policy[0], entities[0], loaded, terms, tuple(self.hooks), activities=activities)

    def _activities(self, entities: Entities) -> Activities:
        """What the registers say beside the contracts; the file may be missing."""
        if not (file := self.root / "activities.yaml").exists() or (read := self._file(file, Activities)) is None:
            return NOTHING
        activities, source = read
        for name in unknown(activities, entities):
            source.find("contract.value", ("companies", name), f"no company `{name}` in entities.yaml", "add it there")
        self.findings += source.findings
        return activities

    def _files(self, folder: Folder) -> list[Folder]:
        """The files of a folder that are read; what editors and systems hide beside them is nobody's contract."""
        seen = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
        for other in seen:
            if other.suffix != ".yaml" and other.suffix.lower() in (".yaml", ".yml"):
                name, message = other.relative_to(self.root).as_posix(), "a file of this name is not read"
                self.findings.append(Finding("contract.name", name, 1, message, "end its name in .yaml"))
        return [each for each in seen if each.suffix == ".yaml"]

    def _vendor(self, folder: Folder) -> tuple[Vendor | None, tuple[Terms, ...]]:
        read = self._file(folder / "vendor.yaml", Vendor)
        files = [file for file in self._files(folder) if file.name != "vendor.yaml"]
        if read is None:
            return None, ()
        vendor, source = read
        vendor = _in_environment(vendor, self.environment)
        check_vendor(vendor, source, folder.name)
        check_sign(vendor, source)
        digest = b64encode(hashlib.sha256(source.content).digest()).decode()
        for name, hook in vendor.hooks.items():
            compiled = hook_terms(vendor, name, source, digest)
            check_answer(hook.receiving, compiled.receiving, source, ("hooks", name, "receiving"))
            self.hooks.append(compiled)
        terms = [self._operation(file, vendor, source) for file in files]
        # Each operation compiles what it takes from the vendor, and finds the same mistakes there.
        self.findings += dict.fromkeys(source.findings)
        return vendor, _sharing_names([each for each in terms if each is not None])

    def _operation(self, file: Folder, vendor: Vendor, vendor_source: Source) -> Terms | None:
        if (read := self._file(file, Operation)) is None:
            return None
        operation, source = read
        # Of the very bytes that were parsed: a file may change while it is being read.
        digest = hashlib.sha256(vendor_source.content + b"\x00" + source.content).digest()
        terms = self._terms(vendor, operation, source, vendor_source, b64encode(digest).decode())
        if terms is not None:
            terms = replace(terms, sending=replace(terms.sending, stated=_in_body(terms)))
            check_terms(terms, source)
            check_signed_places(terms, source)
        if terms is not None and operation.operation != file.stem:
            message = f"`{operation.operation}` is not the file's name"
            source.find("contract.name", ("operation",), message, f"write `{file.stem}`, or rename the file")
        self.findings += source.findings
        return terms

    def _terms(
        self, vendor: Vendor, operation: Operation, source: Source, vendor_source: Source, digest: str
    ) -> Terms | None:
        method, segments = _matched(operation, source)
        host = self._host(vendor, operation, source)
        pins = list(_placed("pins", operation.pins, source))
        credentials = _credentials(vendor, operation, source, vendor_source)
        batch = batch_of(operation.sending, source)
        item: Path = (*batch.path, EACH) if batch else ()
        subjects = tuple(_subjects(operation, source, item))
        defaults = Defaults(tuple(each.role for each in subjects) if len(subjects) == 1 else (), operation.purpose)
        sending = compile_section(
            operation.sending,
            source,
            ("sending",),
            defaults,
            fixed=_fixed(vendor, [place for place, _ in pins]),
            credentials=credentials,
        )
        urls = origins((*vendor.urls, *operation.sending.urls), operation.pins)
        answer, errors = self._answers(vendor, operation, source, vendor_source, defaults)
        if host is None:
            return None
        return Terms(
            vendor=vendor,
            operation=operation,
            file=source.file,
            digest=digest,
            host=host,
            method=method,
            segments=segments,
            pins=dict(pins),
            tokens=_tokens(vendor, operation, source, vendor_source),
            credentials=dict(credentials),
            subjects=subjects,
            orders=tuple(_orders(operation, source, item)),
            retry_key=source.place(operation.retry.key, ("retry", "key")) if operation.retry else None,
            transfer=operation.transfer if operation.transfer is not None else vendor.transfer,
            role=operation.role or vendor.role,
            sending=replace(sending, batch=batch, urls=urls),
            answer=answer,
            errors=errors,
        )

    def _answers(
        self, vendor: Vendor, operation: Operation, source: Source, vendor_source: Source, defaults: Defaults
    ) -> tuple[Section | None, Section | None]:
        answer: Answer | None = operation.answer
        own: ErrorAnswer | None = answer.errors if answer else None
        main = compile_section(answer, source, ("answer",), defaults) if answer else None
        if own is not None:
            return main, compile_section(own, source, ("answer", "errors"), defaults)
        if vendor.errors is not None:
            shared = compile_section(vendor.errors, vendor_source, ("errors",), defaults)
            check_answer(vendor.errors, shared, vendor_source, ("errors",))
            return main, shared
        return main, None

    def _host(self, vendor: Vendor, operation: Operation, source: Source) -> Host | None:
        hosts = vendor.hosts or {}
        name = operation.host or (next(iter(hosts)) if len(hosts) == 1 else None)
        if name is None or name not in hosts:
            source.find("contract.value", ("host",), "say which of the vendor's hosts", f"one of {', '.join(hosts)}")
            return None
        if self.sandbox:
            return Host(name, self.sandbox.get(name, "http://127.0.0.1:9"), ("127.0.0.0/8", "::1/128"))
        return Host(name, hosts[name].rstrip("/"), vendor.networks)

    def _file(self, file: Folder, model: type[Model]) -> tuple[Model, Source] | None:
        name = file.relative_to(self.root).as_posix()
        try:
            content, sheet = read_sheet(file)
        except YamlError as error:
            self.findings.append(Finding(error.code, name, error.line, str(error), error.fix))
            return None
        source = Source(name, sheet, content)
        try:
            return model.model_validate(sheet.data), source
        except ValidationError as error:
            self.findings += _findings(error, model, sheet, name)
            return None


def _placed(key: str, values: Mapping[str, str], source: Source) -> Iterator[tuple[Place, str]]:
    """What stands at each place that a block of the file names; a place that is none is a finding."""
    for text, value in values.items():
        if not text.startswith(("$", *(f"{kind}:" for kind in PLACES if kind != "body"))):
            source.find(
                "contract.path",
                (key, text),
                f"where is `{text}`?",
                f"write `header:{text}`, `query:{text}` or `$.{text}`",
            )
        elif (place := source.place(text, (key, text))) is not None:
            yield place, value


def _credentials(
    vendor: Vendor, operation: Operation, source: Source, vendor_source: Source
) -> Sequence[tuple[Place, str]]:
    """Where credentials of ours go: the vendor's, but for places where the operation has one of its own."""
    inherited = {text: value for text, value in vendor.credential.items() if text not in operation.credential}
    return [
        *_placed("credential", inherited, vendor_source),
        *_placed("credential", operation.credential, source),
    ]


def _tokens(vendor: Vendor, operation: Operation, source: Source, vendor_source: Source) -> tuple[Place, ...]:
    """Where callers put their tokens: where the operation says, or else the vendor."""
    named, named_in = (operation.token, source) if operation.token else (vendor.token, vendor_source)
    return tuple(place for place, _ in _placed("token", dict.fromkeys(named, ""), named_in))


def _fixed(vendor: Vendor, pinned: Iterable[Place]) -> Sequence[tuple[Place, Location, Origin]]:
    """What leaves without a group, by which key it does, and why."""
    pins = [(place, ("pins",), Origin.PIN) for place in pinned]
    return [*pins, *((Place("header", (name.lower(),)), (), Origin.HEADER) for name in vendor.headers)]


def _findings(error: ValidationError, model: type[BaseModel], sheet: Sheet, file: str) -> Iterator[Finding]:
    seen: set[tuple[str, int, str]] = set()
    problems = [(misfit, sheet.nearest(misfit.at)) for misfit in misfits(error, model)]
    for misfit, place in problems:
        # Where a key takes a word or a block, a fault inside the block says more than that it is not the word.
        if misfit.kind in _SHALLOW and any(other != place and other[: len(place)] == place for _, other in problems):
            continue
        about_a_key = misfit.kind in (MISSING, NO_KEY)
        code, message, fix = _finding(misfit, misfit.at if about_a_key else place)
        line = sheet.lines.get(place, 1)
        mark = (code, line, message if about_a_key else "")
        if mark not in seen:
            seen.add(mark)
            yield Finding(code, file, line, message, fix)


def _finding(misfit: Misfit, location: Location) -> tuple[str, str, str]:
    key = str(next((part for part in reversed(location) if isinstance(part, str)), ""))
    message, fix = misfit.message, misfit.fix
    if misfit.kind == NO_KEY:
        return "contract.unknown_key", f"there is no key `{key}` here", fix or "leave it out"
    if misfit.kind == MISSING:
        return "contract.why" if key == "why" else "contract.missing", f"`{key}` is missing", f"add `{key}: …`"
    if isinstance(misfit.given, str) and key == "purpose" and is_prohibited(misfit.given):
        return "contract.purpose", "this purpose is prohibited by the policy", "there is no way to use data for it"
    for prefix in ("twice", "category", "secret"):
        if message.startswith(f"{prefix}: "):
            return f"contract.{prefix}", message.removeprefix(f"{prefix}: "), fix
    code = next((_CODES[str(part)] for part in reversed(location) if str(part) in _CODES), "contract.value")
    return code, f"`{key}`: {message}" if key else message, fix


def _in_environment(vendor: Vendor, environment: str) -> Vendor:
    own = vendor.environments.get("live" if environment == "live" else "sandbox")
    if own is None:
        return vendor
    hosts, credential = own.hosts or vendor.hosts, own.credential or vendor.credential
    keys = vendor.keys if own.keys is None else own.keys
    tried = vendor.test_subjects_only if own.test_subjects_only is None else own.test_subjects_only
    proofs = {
        "client_certificate": own.client_certificate or vendor.client_certificate,
        "oauth": own.oauth or vendor.oauth,
    }
    own_members = {"hosts": hosts, "credential": credential, "keys": keys, "test_subjects_only": tried}
    return vendor.model_copy(update=own_members | proofs)


def _in_body(terms: Terms) -> tuple[Path, ...]:
    """Where in the body it stands what a call is decided by, and who calls."""
    return tuple(place.path for place in (*terms.stated(), *terms.tokens) if place.kind == "body")


def _matched(operation: Operation, source: Source) -> tuple[str, tuple[Segment, ...]]:
    """The call of an operation; of one that goes beside the gateway there is none."""
    if operation.channel == "gateway":
        return match_of(operation.match or "", source)
    if operation.match is not None:
        source.find("contract.match", ("match",), "nobody can call what goes beside the gateway", "leave it out")
    return "", ()


def _orders(operation: Operation, source: Source, item: Path) -> Iterator[Place]:
    for text in operation.evidence.order:
        if (place := source.place(text, ("evidence", "order"), item)) is not None:
            yield place


def _subjects(operation: Operation, source: Source, item: Path) -> Iterator[SubjectTerms]:
    """Whom a call is about. In a batch, paths that do not begin at the top begin at the item."""
    if operation.subjects == "none":
        return
    for role, subject in operation.subjects.items():
        at: Location = ("subjects", role.value)
        ref = subject.ref
        earlier = (
            source.place(ref.earlier, (*at, "ref"), item) if ref is not None and not isinstance(ref, str) else None
        )
        place = source.place(ref, (*at, "ref"), item) if isinstance(ref, str) and ref != "order" else None
        jurisdiction = source.place(subject.jurisdiction, (*at, "jurisdiction"), item) if subject.jurisdiction else None
        yield SubjectTerms(
            SubjectRole(role), ref == "order", place, earlier, jurisdiction, subject.legal_basis, subject.optional
        )


def _sharing_names(terms: Sequence[Terms]) -> tuple[Terms, ...]:
    """Names that any contract of the vendor uses are known names in all of them."""
    sections = [section for each in terms for section in (each.sending, each.answer, each.errors) if section]
    names = frozenset(name for section in sections for name in section.names)
    return tuple(
        replace(
            each,
            sending=with_names(each.sending, names),
            answer=with_names(each.answer, names) if each.answer else None,
            errors=with_names(each.errors, names) if each.errors else None,
        )
        for each in terms
    )
