"""The register of the policy, from the command line: each step with a token of somebody who may."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gateway.cli.asking import asked_as
from gateway.cli.console import Json, out, say, table
from gateway.cli.forecast import tell_refused
from gateway.contract.strict_yaml import YamlError, read_yaml
from gateway.errors import StartError

policy = typer.Typer(no_args_is_help=True)

Token = Annotated[
    str,
    typer.Option("--token", envvar="GATEWAY_TOKEN", help="Yours: `gateway token issue --service NAME --role steward`."),
]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="The name of a version, or of a draft.")]
_WRITTEN = ("version", "document", "purposes", "vendor_kinds", "receives")


@policy.command("draft")
def draft(
    file: Annotated[typer.FileText, typer.Argument(help="YAML or JSON: one version, without `published`; - for stdin")],
    token: Token,
    text: Annotated[
        Path | None, typer.Option(help="The text that people will read; its digest becomes `document`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a version into the register that nothing rests on yet, and tell what it would change and stop."""
    told = asked_as(token, "POST", "/policies", _version(file.read(), text))
    if as_json:
        out.print_json(data=told)
        return
    out.print(escape(f"{told['version']} is drafted; `gateway policy publish {told['version']}` puts it in force"))
    _tell_effect(told)


@policy.command("publish")
def publish(
    version: Version,
    token: Token,
    rehearsed: Annotated[
        bool, typer.Option("--dry-run", help="Only tell which calls of the last 7 days it would have stopped.")
    ] = False,
    draft_: Annotated[
        str | None, typer.Option("--draft", metavar="ID", help="As `history --json` has it: no draft but this one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a draft in force, for the next call and for good."""
    told = asked_as(token, "POST", f"/policies/{version}/publish", {"draft": draft_, "rehearsed": rehearsed})
    if as_json:
        out.print_json(data=told)
        return
    if not rehearsed:
        out.print(escape(f"{version} is in force since {told['published']}"))
    _tell_effect(told)
    if rehearsed:
        tell_refused(told["stopped"], as_json=False)


@policy.command("drop")
def drop(version: Version, token: Token, as_json: Json = False) -> None:
    """Take a draft away."""
    done = asked_as(token, "POST", f"/policies/{version}/drop")
    say(f"the draft of {version} is gone", done, as_json=as_json)


@policy.command("history")
def history(token: Token, as_json: Json = False) -> None:
    """List drafts, and all versions with who published them and when, the newest first."""
    found = asked_as(token, "GET", "/policies")
    if as_json:
        out.print_json(data=found)
        return
    columns = ("version", "state", "published (UTC)", "by", "drafted (UTC)", "by", "changes", "text")
    rows = []
    for each in found:
        state = "in force" if each.get("in_force") else each["state"]
        when = [_moment(each.get(key)) for key in ("published", "drafted")]
        cells = (each["version"], state, when[0], each.get("published_by", ""), when[1], each.get("drafted_by", ""))
        rows.append((*cells, _counted(each.get("changes", ())), each["document"][7:19]))
    out.print(table(columns, rows))


@policy.command("diff")
def diff(
    version: Version,
    token: Token,
    old: Annotated[str | None, typer.Argument(metavar="[OLD]", help="Otherwise the one that it follows.")] = None,
    as_json: Json = False,
) -> None:
    """Tell which fields of a version are new and which are gone, compared with an older one."""
    path = f"/policies/{version}/diff"
    told = asked_as(token, "GET", f"{path}?from={old}" if old else path)
    if as_json:
        out.print_json(data=told)
        return
    _tell_changes(told)


@policy.command("show")
def show(
    token: Token,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="A version, or a draft; otherwise what is in force.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print what a version says as it stands in a file, to keep or to change."""
    told = asked_as(token, "GET", f"/policies/{version or _in_force(token)}")
    if as_json:
        out.print_json(data=told)
        return
    print("\n".join(_written(told)))  # noqa: T201  for a file


def _counted(changes: Sequence[Mapping[str, Any]]) -> str:
    """How much is new and gone, field by field; of the text, that it is another one says enough."""
    counts = [(each["field"], len(each["added"]), len(each["removed"])) for each in changes]
    return "\n".join(f"{field} +{new} -{gone}" for field, new, gone in counts if field != "document")


def _moment(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if text else ""


def _in_force(token: str) -> str:
    """The name of the version in force. Raises StartError."""
    found = (each["version"] for each in asked_as(token, "GET", "/policies") if each.get("in_force"))
    if (name := next(found, None)) is None:
        raise StartError("no version of the policy is published yet")
    return str(name)


def _version(text: str, published_text: Path | None) -> Mapping[str, Any]:
    """What a file says of one version. Raises StartError."""
    try:
        said = read_yaml(text).data
    except YamlError as error:
        raise StartError(f"line {error.line}: {error} ({error.fix})") from None
    if "versions" in said:
        raise StartError(f"this is a whole policy.yaml; a draft is one version of it: {', '.join(_WRITTEN)}")
    if "published" in said:
        raise StartError("take `published` out: a draft has no moment, and publishing gives it one")
    if published_text is None:
        return said
    digest = f"sha256:{sha256(published_text.read_bytes()).hexdigest()}"
    if said.get("document", digest) != digest:
        raise StartError("`document` is the digest of another text; take it out of the file, or the option away")
    return {**said, "document": digest}


def _written(version: Mapping[str, Any]) -> Iterator[str]:
    yield f"version: {json.dumps(version['version'])}"
    if "published" in version:
        # A draft has no moment; whoever keeps the version in policy.yaml takes the sign away.
        yield f"# published: {version['published']}"
    yield f"document: {version['document']}"
    for key in ("purposes", "vendor_kinds"):
        yield from _listed(key, version[key])
    if receives := version.get("receives"):
        yield "receives:"
        yield from (f"  {line}" for kind, covers in receives.items() for line in _listed(kind, covers))


def _listed(key: str, words: Sequence[str]) -> Iterator[str]:
    """One word a line, so that a diff of two files shows what changed."""
    yield f"{key}:" if words else f"{key}: []"
    yield from (f"  - {word}" for word in words)


def _tell_effect(told: Mapping[str, Any]) -> None:
    """What a version changes, and what that does to operations and to consents."""
    _tell_changes(told)
    if told["same_text"] and told["changes"]:
        out.print(f"[yellow]the text[/] is that of {escape(told['from'])}, which does not say any of this")
    for name, missing in _by_operation(told["stops"]).items():
        out.print(f"[red]stops[/] {escape(name)}: {escape(', '.join(missing))}")
    for name in told["opens"]:
        out.print(f"[green]opens[/] {escape(name)}")
    for each in told["renew"]:
        operations = ", ".join(each["operations"])
        said = f"{each['people']} said yes before"
        out.print(f"[yellow]ask again[/] for {escape(each['purpose'])}: {said}; {escape(operations)}")


def _by_operation(stops: Sequence[Mapping[str, str]]) -> Mapping[str, list[str]]:
    """For each operation that would stop the purposes, kinds and categories that it lacks."""
    missing: dict[str, list[str]] = {}
    for each in stops:
        missing.setdefault(each["operation"], []).append(each["detail"].partition(" ")[0])
    return missing


def _tell_changes(told: Mapping[str, Any]) -> None:
    if not told["changes"]:
        out.print(escape(f"{told['to']} says the same as {told['from']}"))
        return
    rows = []
    for each in told["changes"]:
        new, gone = (_lines(each[key], is_short=each["field"] == "document") for key in ("added", "removed"))
        rows.append((each["field"], new, gone))
    out.print(table(("field", "new", "gone"), rows, title=f"{told['from'] or 'nothing'} → {told['to']}"))
    out.print("more may go than before" if told["widens"] else "nothing may go that could not go before")


def _lines(words: Sequence[str], *, is_short: bool) -> str:
    return "\n".join(f"{word[:19]}…" if is_short else word for word in words)
