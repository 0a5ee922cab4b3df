"""The register of the policy: versions are drafted, looked at, and published for the next decision of every node."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import StringConstraints, TypeAdapter

from gateway.clearance import clashes, covers, may_ask, published, purposes_of, uncovered
from gateway.contract.load import ContractSet
from gateway.contract.model import PolicyDraft, PolicyVersion
from gateway.contract.terms import Terms
from gateway.contract.versions import changes
from gateway.errors import Failure, GatewayError
from gateway.forecast import Foresight
from gateway.identity import Caller
from gateway.intake import Intake
from gateway.misfit import Asked, Id
from gateway.registry import policies as rows
from gateway.registry.claims import Claims
from gateway.registry.stored import PolicyRow
from gateway.vocabulary import Purpose

FILE: Final = "policy.yaml"
_NAME: Final = "policy"  # under which one node after another does what rests on how the register stands


class UnknownVersion(GatewayError):
    """There is no such version, or no draft of it."""


class TakenVersion(GatewayError):
    """There is a version of this name, and it does not change any more; or the draft is another one by now."""


class Draft(PolicyDraft):
    """A version as somebody drafts it; its name stands in addresses."""

    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Publish(Asked):
    """Which draft is meant, if it must not be another one by now; rehearsed, it is only told what it would do."""

    draft: Id | None = None
    rehearsed: bool = False


_DRAFT: TypeAdapter[Draft] = TypeAdapter(Draft)
_PUBLISH: TypeAdapter[Publish] = TypeAdapter(Publish)


class Policies:
    """Each step is an entry; what is published is in force for every decision made after the answer."""

    def __init__(self, intake: Intake, contracts: Callable[[], ContractSet], foresight: Foresight) -> None:
        self._intake = intake
        self._registry = intake.registry
        self._contracts = contracts
        self._foresight = foresight
        self._claims = Claims(intake.registry)

    async def draft(self, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Changes nothing yet; takes the place of an earlier draft of the same name, and tells what it would do.

        Raises ValidationError, TakenVersion and Refusal.
        """
        wanted = PolicyDraft(**_DRAFT.validate_python(asked).model_dump())
        row = PolicyRow(
            state="draft", id=uuid.uuid4().hex, draft=wanted, drafted_by=caller.service, drafted=self._registry.now()
        )
        async with self._claims.alone(_NAME):
            await self._demand_free(wanted.version)
            await self._intake.put([row], by=caller.service)
        return _shown(row) | await self._effect(wanted)

    async def drop(self, version: str, caller: Caller) -> dict[str, Any]:
        """Takes a draft away. Raises UnknownVersion and Refusal."""
        async with self._claims.alone(_NAME):
            row = (await self._drafted(version)).model_copy(update={"state": "dropped"})
            await self._intake.put([row], by=caller.service)
        return _shown(row)

    async def publish(self, version: str, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """From the answer on it is in force on every node, and tells what that stops. Rehearsed, it is only told.

        What policy.yaml has published by then goes into the register with it: no file takes any of it back.
        Raises ValidationError, UnknownVersion, TakenVersion and Refusal.
        """
        wanted = _PUBLISH.validate_python(asked)
        async with self._claims.alone(_NAME):
            row = await self._drafted(version)
            if wanted.draft not in (None, row.id):
                raise TakenVersion(f"the draft of version {version} is another one by now; look at it again")
            await self._demand_free(version)
            out = row.model_copy(update={"state": "published", "published_by": caller.service})
            told = await self._effect(row.draft)
            if wanted.rehearsed:
                return _shown(row) | told | {"stopped": await self._foresight.stopping([out])}
            await self._intake.put([*(await self._filed()), out], by=caller.service)
            found = next((each for each in await self._registry.read(rows.of, version) if each.id == row.id), None)
        if found is None or found.state != "published":
            raise TakenVersion(f"another version {version} was published at the same moment")
        return _shown(found) | told

    async def listed(self) -> list[dict[str, Any]]:
        """Drafts, what the file plans, and every version with who published it and when, the newest first."""
        found = await self._registry.read(rows.every, "")
        known = {row.draft.version: _shown(row) for row in found if row.state != "draft"}
        out, now = await self._published(), self._registry.now()
        versions = [
            known.get(new.version, _of_file(new)) | {"in_force": new is out[-1]} | _changed(old, new)
            for old, new in zip([None, *out], out, strict=False)
        ]
        filed = [each for each in self._contracts().policy.versions if each.version not in known]
        planned = [_of_file(each) | {"state": "planned"} for each in filed if each.published > now]
        return [*(_shown(row) for row in found if row.state == "draft"), *planned, *reversed(versions)]

    async def shown(self, version: str) -> dict[str, Any]:
        """What a version says, in the words of policy.yaml; a draft has no moment. Raises UnknownVersion."""
        said = (await self._named(version)).model_dump(mode="json", exclude_defaults=True)
        out = [each.published.isoformat() for each in await self._published() if each.version == version]
        return said | ({"published": out[0]} if out else {})

    async def diff(self, version: str, old: str | None) -> dict[str, Any]:
        """What a version or draft says otherwise than another one, or than the one before it. Raises UnknownVersion."""
        new = await self._named(version)
        if old is not None:
            return _compared(await self._named(old), new)
        out = await self._published()
        names = [each.version for each in out]
        before = out[: names.index(version)] if version in names else out
        return _compared(before[-1] if before else None, new)

    async def _effect(self, draft: PolicyDraft) -> dict[str, Any]:
        """What a draft changes, which operations that stops and opens, and who has to be asked for consent again."""
        out = await self._published()
        before = out[-1] if out else None
        terms = self._contracts().terms
        stops = [(each.name, failure) for each in terms for failure in _stops(each, before, draft)]
        return {
            **_compared(before, draft),
            "same_text": before is not None and before.document == draft.document,
            "stops": [{"operation": name, "code": each.code, "detail": each.detail} for name, each in stops],
            "opens": [each.name for each in terms if _stops(each, draft, before)],
            "renew": await self._renewed(before, draft) if before else [],
        }

    async def _renewed(self, before: PolicyDraft, draft: PolicyDraft) -> list[dict[str, Any]]:
        """The purposes for which people are to be asked anew, and how many said yes to them before."""
        touched: dict[Purpose, list[Terms]] = {}
        for terms in (each for each in self._contracts().terms if may_ask(each)):
            for purpose in purposes_of(terms):
                if covers(terms, purpose, draft) and not covers(terms, purpose, before):
                    touched.setdefault(purpose, []).append(terms)
        found = []
        for purpose, several in sorted(touched.items()):
            vendors = [each.vendor.vendor for each in several]
            if people := await self._registry.read(rows.consenting, (purpose, vendors)):
                operations = [each.name for each in several]
                found.append({"purpose": purpose.value, "operations": operations, "people": people})
        return found

    async def _published(self) -> tuple[PolicyVersion, ...]:
        papers = await self._registry.papers()
        return published(self._contracts().policy, self._registry.now(), papers.versions)

    async def _filed(self) -> Sequence[PolicyRow]:
        """The versions of the file that are published and that the register does not have yet."""
        known = {each.version for each in (await self._registry.papers()).versions}
        return [_row_of(each) for each in await self._published() if each.version not in known]

    async def _demand_free(self, version: str) -> None:
        """Raises TakenVersion, also where the file and the register contradict one another."""
        await self._registry.follow()  # another node may have published one a moment ago
        policy, registered = self._contracts().policy, (await self._registry.papers()).versions
        if names := clashes(policy, registered):
            raise TakenVersion(f"{FILE} says otherwise of version {', '.join(names)} than what was published")
        if version in {each.version for each in (*policy.versions, *registered)}:
            raise TakenVersion(f"there is a version {version} already, and it stays as it is; give yours another name")

    async def _drafted(self, version: str) -> PolicyRow:
        there = await self._registry.read(rows.of, version)
        found = [each for each in there if each.state == "draft"]
        if there and not found:
            raise TakenVersion(f"version {version} is published, and stays as it is")
        if not found:
            raise UnknownVersion(f"there is no draft of a version {version}; `gateway policy history` lists them")
        return found[0]

    async def _named(self, version: str) -> PolicyDraft:
        """A version of the register or the file, or else a draft."""
        registered = await self._registry.read(rows.of, version)
        filed = [_bare(each) for each in self._contracts().policy.versions if each.version == version]
        out = [each.draft for each in registered if each.state != "draft"]
        found = [*out, *filed, *(each.draft for each in registered)]
        if not found:
            raise UnknownVersion(f"there is no version {version}; `gateway policy history` lists them")
        return found[0]


def _stops(terms: Terms, before: PolicyDraft | None, after: PolicyDraft | None) -> list[Failure]:
    """What is missing for an operation under one version that was not under another."""
    if before is None or any(uncovered(terms, before)):
        return []
    return list(uncovered(terms, after))


def _compared(old: PolicyDraft | None, new: PolicyDraft) -> dict[str, Any]:
    return {"from": old.version if old else None, "to": new.version} | _changed(old, new)


def _changed(old: PolicyDraft | None, new: PolicyDraft) -> dict[str, Any]:
    found = list(changes(old, new))
    return {"changes": [each.members() for each in found], "widens": any(each.widens for each in found)}


def _shown(row: PolicyRow) -> dict[str, Any]:
    shown = {
        "version": row.draft.version,
        "state": "published" if row.state == "filed" else row.state,
        "document": row.draft.document,
        **_drafting(row),
        "published": row.published.isoformat() if row.published else None,
        "published_by": row.published_by or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _drafting(row: PolicyRow) -> dict[str, Any]:
    """Who drafted it and when; of one that the file had, nobody knows."""
    if row.state == "filed":
        return {}
    return {"draft": row.id, "drafted": row.drafted.isoformat(), "drafted_by": row.drafted_by}


def _of_file(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "state": "published",
        "document": version.document,
        "published": version.published.isoformat(),
        "published_by": FILE,
    }


def _row_of(version: PolicyVersion) -> PolicyRow:
    return PolicyRow(
        state="filed", id=uuid.uuid4().hex, draft=_bare(version), source=FILE, drafted_by=FILE,
        drafted=version.published, published_by=FILE, published=version.published,
    )  # fmt: skip


def _bare(version: PolicyVersion) -> PolicyDraft:
    return PolicyDraft(**version.model_dump(exclude={"published"}))
