"""The register of the policy, from the command line: each step with a token of somebody who may."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from gateway.cli_forecast import tell_refused
from gateway.console import Json, asked_as, out, table
from gateway.contract.strict_yaml import YamlError, read_yaml
from gateway.errors import StartError

policy = typer.Typer(help="Draft, compare and publish versions of the privacy policy.", no_args_is_help=True)

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
        out.print_json(json.dumps(told))
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
        out.print_json(json.dumps(told))
        return
    if not rehearsed:
        out.print(escape(f"{version} is in force since {told['published']}"))
    _tell_effect(told)
    if rehearsed:
        tell_refused(told["stopped"], as_json=False)


@policy.command("drop")
def drop(version: Version, token: Token) -> None:
    """Take a draft away."""
    asked_as(token, "POST", f"/policies/{version}/drop")
    out.print(escape(f"the draft of {version} is gone"))


@policy.command("history")
def history(token: Token, as_json: Json = False) -> None:
    """List drafts, and all versions with who published them and when, the newest first."""
    found = asked_as(token, "GET", "/policies")
    if as_json:
        out.print_json(json.dumps(found))
        return
    shown = table("version", "state", "published", "by", "drafted", "by", "text")
    for each in found:
        state = "in force" if each.get("in_force") else each["state"]
        when = [each.get(key, "")[:19].replace("T", " ") for key in ("published", "drafted")]
        cells = (each["version"], state, when[0], each.get("published_by", ""), when[1], each.get("drafted_by", ""))
        shown.add_row(*map(escape, (*cells, each["document"][7:19])))
    Console(highlight=False).print(shown)


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
        out.print_json(json.dumps(told))
        return
    _tell_changes(told)


@policy.command("show")
def show(version: Version, token: Token, as_json: Json = False) -> None:
    """Print what a version says as it stands in a file, to keep or to change."""
    told = asked_as(token, "GET", f"/policies/{version}")
    if as_json:
        out.print_json(json.dumps(told))
        return
    print("\n".join(_written(told)))  # noqa: T201  for a file


def _version(text: str, published_text: Path | None) -> Mapping[str, Any]:
    """What a file says of one version. Raises StartError."""
    try:
        said = read_yaml(text).data
    except YamlError as error:
        raise StartError(f"line {error.line}: {error}") from None
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
    yield f"document: {version['document']}"
    for key in ("purposes", "vendor_kinds"):
        yield f"{key}: [{', '.join(version[key])}]"
    if receives := version.get("receives"):
        yield "receives:"
        yield from (f"  {kind}: [{', '.join(covers)}]" for kind, covers in receives.items())


def _tell_effect(told: Mapping[str, Any]) -> None:
    """What a version changes, and what that does to operations and to consents."""
    _tell_changes(told)
    for each in told["stops"]:
        out.print(f"[red]stops[/] {escape(each['operation'])}: {escape(each['code'])}, {escape(each['detail'])}")
    for name in told["opens"]:
        out.print(f"[green]opens[/] {escape(name)}")
    for each in told["renew"]:
        operations = ", ".join(each["operations"])
        said = f"{each['people']} said yes before"
        out.print(f"[yellow]ask again[/] for {escape(each['purpose'])}: {said}; {escape(operations)}")


def _tell_changes(told: Mapping[str, Any]) -> None:
    if not told["changes"]:
        out.print(escape(f"{told['to']} says the same as {told['from']}"))
        return
    shown = table("field", "new", "gone", title=escape(f"{told['from'] or 'nothing'} → {told['to']}"))
    for each in told["changes"]:
        shown.add_row(escape(each["field"]), _lines(each["added"]), _lines(each["removed"]))
    Console(highlight=False).print(shown)
    out.print("more may go than before" if told["widens"] else "nothing may go that could not go before")


def _lines(words: Sequence[str]) -> str:
    return escape("\n".join(words))
