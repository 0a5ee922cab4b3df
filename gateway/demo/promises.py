"""Whether what happened is what was promised; each function gives what is not, and names no value."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

from gateway.demo.processes import Json
from gateway.demo.scene import Scene, leaves_of, received_of, sent_of, veiled
from gateway.demo.story import Step
from gateway.rehearse import parse_http

_SHORT = 5  # a value with fewer signs is found everywhere by chance
_PLAIN = 7


def broken_by(scene: Scene) -> Iterator[str]:
    """What of one step is not as it should be."""
    step = scene.step
    if scene.status != step.status:
        yield f"the reply is {scene.status} instead of {step.status}"
    if step.code:
        yield from _not_refused(scene)
    else:
        yield from _not_minimal(scene)


def _not_refused(scene: Scene) -> Iterator[str]:
    step, entry = scene.step, scene.entry or {}
    if scene.received:
        yield f"{step.vendor} got it, though it was to be refused"
    if scene.headers.get("gateway-sent") != "no":
        yield "the reply does not say that nothing was sent"
    if scene.status == step.status and scene.problem.get("code") != step.code:
        yield f"it was refused as {scene.problem.get('code')} instead of {step.code}"
    if (entry.get("code"), entry.get("vendor")) != (step.code, step.vendor):
        yield "the refusal is not in the ledger"


def _not_minimal(scene: Scene) -> Iterator[str]:
    step = scene.step
    if len(scene.received) != 1:
        yield f"{step.vendor} got {len(scene.received)} calls instead of one"
    for received in scene.received:
        yield from (f"{step.vendor} does not take it: {violation}" for violation in received["violations"])
        if veiled(received_of(received)) != veiled(parse_http(step.receives)):
            yield f"{step.vendor} got something else than the expected minimum"
        for place in found_in(_received_bytes(received), stayed(step)):
            yield f"the value at {place} was to stay, and is in what {step.vendor} got"
    if scene.headers.get("gateway-sent") != "yes":
        yield "the reply does not say that it was sent"
    if (scene.entry or {}).get("outcome", {}).get("result") != "sent":
        yield "there is no settled entry of it in the ledger"
    if any(name.encode() in scene.reply for name in step.kept):
        yield "something of the vendor's answer came back that the contract does not name"


def stayed(step: Step) -> Mapping[str, str]:
    """The values of a call that are long enough to be looked for, and that its vendor must not get."""
    received = set(leaves_of(parse_http(step.receives)).values())
    return {place: value for place, value in sent_of(step).items() if len(value) >= _SHORT and value not in received}


def _received_bytes(received: Json) -> bytes:
    headers = "\n".join(f"{name}: {value}" for name, value in received["headers"])
    return f"{received['method']} {received['target']}\n{headers}\n\n{received['body']}".encode()


def found_in(data: bytes, values: Mapping[str, str]) -> list[str]:
    """The places whose values stand in data, in one spelling or another."""
    return [place for place, value in values.items() if any(spelled in data for spelled in _spellings(value))]


def _spellings(value: str) -> Iterator[bytes]:
    yield value.encode()
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    yield json.dumps(value)[1:-1].encode()


def tokens_in(received: Iterable[Json], tokens: Mapping[str, str]) -> Iterator[str]:
    """The shop's credentials that reached a vendor."""
    for each in received:
        for service in found_in(_received_bytes(each), tokens):
            yield f"the token of {service} reached {each['vendor']}"


def personal(steps: Sequence[Step]) -> dict[str, str]:
    """Every value of the calls but plain words, by step and place."""
    return {
        f"{step.title}, {place}": value
        for step in steps
        for place, value in sent_of(step).items()
        if len(value) >= _PLAIN and not (value.isascii() and value.isalpha() and value.islower())
    }


def stored_in(folder: Path, values: Mapping[str, str]) -> Iterator[str]:
    """The files in a folder that hold one of these values, save orders in the register, which holds orders."""
    for file in sorted(each for each in folder.iterdir() if each.is_file()):
        known = {
            place: value
            for place, value in values.items()
            if not (file.name.startswith("registry") and value.startswith(("A-", "customer-")))
        }
        for place in found_in(file.read_bytes(), known):
            yield f"{file.name} holds a value ({place})"


def unwritten(scenes: Sequence[Scene], entries: Sequence[Json]) -> Iterator[str]:
    """The calls and refusals that are missing from what was read from the disk."""
    by_id = {entry["id"]: entry for entry in entries}
    for scene in scenes:
        entry = by_id.get((scene.entry or {}).get("id", ""))
        if entry is None or entry != scene.entry:
            yield f"{scene.step.title}: its entry is not on the disk"
