"""The command line: each command calls one function and shows what it gives back."""

import asyncio
import json
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from gateway import clock, explain, listeners
from gateway.cli.backup import backup, restore
from gateway.cli.console import Json, asked, counted, err, out, table
from gateway.cli.exceptional import exceptional
from gateway.cli.facts import facts
from gateway.cli.forecast import forecast
from gateway.cli.incident import canary, incident
from gateway.cli.ledger import ledger
from gateway.cli.notice import disclosure, erasure, notice
from gateway.cli.policy import policy
from gateway.cli.report import report
from gateway.cli.settings import settings
from gateway.cli.subject import keys, subject
from gateway.cli.waiver import waiver
from gateway.contract.load import ContractSet, load, read
from gateway.contract.terms import Terms
from gateway.demo import run
from gateway.errors import ContractError, GatewayError, Refusal, StartError
from gateway.examples import rehearsed
from gateway.health import unready
from gateway.ledger.unready import MEANING, Unready
from gateway.misfit import misfits, told
from gateway.rehearse import parse_http
from gateway.sandbox import vendors
from gateway.scrub.measure import scores, sentences_in
from gateway.settings import Settings, SettingsError
from gateway.vocabulary import Role

cli = typer.Typer(
    name="gateway", help="Lets personal data out only as a contract says, and writes it down.", no_args_is_help=True
)
contract = typer.Typer(help="Check, test and read contracts.", no_args_is_help=True)
token = typer.Typer(help="Tokens of shop services and operators.", no_args_is_help=True)
prose = typer.Typer(help="Personal data in free text.", no_args_is_help=True)
GROUPS = {
    "incident": incident,
    "canary": canary,
    "contract": contract,
    "token": token,
    "facts": facts,
    "ledger": ledger,
    "keys": keys,
    "subject": subject,
    "waiver": waiver,
    "policy": policy,
    "notice": notice,
    "erasure": erasure,
    "disclosure": disclosure,
    "exceptional": exceptional,
    "scrub": prose,
    "settings": settings,
}
for name, group in GROUPS.items():
    cli.add_typer(group, name=name)
cli.command("report")(report)
cli.command("forecast")(forecast)
cli.command("backup")(backup)
cli.command("restore")(restore)

# Whose value could not be read, pydantic-settings says in its text alone.
_FIELD = re.compile(r'field "([a-z_]+)"')
_REQUEST = re.compile(r"[A-Z]+ /")
_WIDE = 80
_HOW = 23
_BESIDE_PATHS = 20 + _HOW + 8


def main() -> None:
    """Runs a command; what it cannot do is said in one line, with the way out."""
    try:
        cli()
    except ContractError as error:
        for finding in error.findings:
            err.print(escape(str(finding)))
        sys.exit(1)
    except Refusal as error:
        for failure in error.failures:
            err.print(escape(f"{failure.code}: {failure.detail}"))
        sys.exit(1)
    except (GatewayError, ValidationError, SettingsError, UnicodeDecodeError, OSError) as error:
        err.print(escape(_told(error)))
        sys.exit(getattr(error, "exit_status", 1))
    except Exception as error:  # noqa: BLE001  the last resort: what nobody foresaw may hold values in its text
        frame = traceback.extract_tb(error.__traceback__)[-1]
        err.print(escape(f"{type(error).__name__} at {frame.filename}:{frame.lineno}; this is a fault of the gateway"))
        sys.exit(2)


def _told(error: Exception) -> str:
    match error:
        case ValidationError() if error.title == Settings.__name__:
            return "\n".join(
                f"GATEWAY_{str(each.at[0]).upper()}: {each}" if each.at else f"{each}" for each in misfits(error)
            )
        case ValidationError():
            return told(error)
        case SettingsError():
            named = _FIELD.search(str(error))
            return f"GATEWAY_{named[1].upper()}: not valid JSON" if named else "a setting cannot be read"
        case UnicodeDecodeError():
            return "a file is not UTF-8 text"
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{name}: {reason.lower()}"
    return str(error)


@cli.command()
def serve() -> None:
    """Run the gateway until it is told to stop. Settings are variables GATEWAY_…, see docs/operations.md."""
    settings = Settings()

    def ready(*ports: int) -> None:
        wanted = {"people": settings.privacy_port, "vendors": settings.hooks_port}
        whom = ("operators", *(name for name, port in wanted.items() if port is not None))
        others = ", ".join(f"{name} on port {port}" for name, port in zip(whom, ports[1:], strict=True))
        err.print(f"gateway listens on http://{settings.host}:{ports[0]}, {others}")

    listeners.run(listeners.serve(settings, ready))


@cli.command()
def sandbox(
    contracts: Annotated[Path, typer.Option("--contracts")] = Path("contracts"),
    port: Annotated[int, typer.Option(help="Of the control listener; vendors are above it. 0 takes any.")] = 9100,
) -> None:
    """Play the vendors of contracts on this machine until told to stop; prints the setting that leads there."""

    def ready(hosts: Mapping[str, str], control: str) -> None:
        print(f"GATEWAY_SANDBOX='{json.dumps(dict(hosts))}'", flush=True)  # noqa: T201  for use in a shell
        told = json.dumps({"vendor": next(iter(hosts)), "behaviour": "decline"})
        err.print(f"what vendors got:    curl {control}/__sandbox/received")
        err.print(f"what one does next:  curl {control}/__sandbox/next -d '{told}'", markup=False)

    with suppress(KeyboardInterrupt):
        listeners.run(vendors.play(contracts, port=port, ready=ready))


@cli.command()
def demo(
    contracts: Annotated[Path, typer.Option("--contracts")] = Path("contracts"),
    serve: Annotated[bool, typer.Option("--serve", help="Only start everything, with a line to try.")] = False,
) -> None:
    """Watch a shop's traffic leave minimised and recorded, between real processes on this machine."""
    console = Console(highlight=False)
    if serve:
        run.serve(contracts, console)
    elif run.demo(contracts, console):
        raise typer.Exit(1)


@cli.command()
def health() -> None:
    """Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason."""
    if (reason := unready(Settings())) is not None:
        raise StartError(
            f"the gateway is not ready: {reason}" + (f", {MEANING[Unready(reason)]}" if reason in MEANING else "")
        )


@contract.command("check")
def check(path: Annotated[Path, typer.Argument()] = Path("contracts"), as_json: Json = False) -> None:
    """Say what is wrong with contracts, with file, line and a fix."""
    root, below = _root(path)
    contracts, findings = read(root)
    standing = explain.refused_today(contracts, clock.utc()) if contracts else ()
    shown = [finding for finding in (*findings, *standing) if finding.file.startswith(below)]
    if as_json:
        out.print_json(data=[_finding(each) for each in shown])
    for finding in [] if as_json else shown:
        style = "red" if finding.level == "error" else "yellow"
        out.print(f"[{style}]{finding.level}[/] {escape(str(finding))}")
    errors = sum(finding.level == "error" for finding in shown)
    if not as_json:
        count = len(contracts.terms) if contracts else 0
        loads = counted(count, "operation loads", "operations load")
        out.print(loads if contracts else f"{counted(errors, 'finding', 'findings')}; the set does not load")
    raise typer.Exit(1 if errors or contracts is None else 0)


def _finding(finding: Any) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("level", "code", "file", "line", "message", "fix")}


@contract.command("test")
def test(path: Annotated[Path, typer.Argument()] = Path("contracts"), as_json: Json = False) -> None:
    """Run the examples of contracts down the real path, with no vendor at the end."""
    root, below = _root(path)
    contracts = load(root)
    chosen = frozenset(terms.name for terms in contracts.terms if terms.file.startswith(below))
    verdicts = asyncio.run(rehearsed(contracts, chosen))
    if as_json:
        out.print_json(data=[{"contract": v.contract, "name": v.name, "problems": v.problems} for v in verdicts])
    for verdict in [] if as_json else verdicts:
        mark = "[red]FAIL[/]" if verdict.problems else "[green]ok[/]"
        out.print(f"{mark} {verdict.contract}: {escape(verdict.name)}")
        for problem in verdict.problems:
            out.print(f"     [red]{escape(problem)}[/] ({verdict.file})")
    failed = sum(bool(verdict.problems) for verdict in verdicts)
    if not as_json:
        out.print(f"{counted(len(verdicts) - failed, 'example holds', 'examples hold')}, {failed} do not")
    raise typer.Exit(1 if failed or not verdicts else 0)


@contract.command("explain")
def explain_contract(
    operation: Annotated[str, typer.Argument(metavar="VENDOR/OPERATION")],
    payload: Annotated[Path | None, typer.Option("--in", help="A call as HTTP text, or only its body.")] = None,
    contracts: Annotated[Path, typer.Option("--contracts")] = Path("contracts"),
    as_json: Json = False,
) -> None:
    """Show a contract as a reviewer reads it; with --in, what of a call leaves, what stays and by which line."""
    loaded = load(contracts)
    terms = _terms(loaded, operation)
    if payload is None:
        _show_groups(terms, as_json=as_json)
        return
    done, rows = asyncio.run(explain.call(loaded, terms, parse_http(_as_http(payload, terms))))
    _show_call(done, rows, as_json=as_json)


def _terms(contracts: ContractSet, name: str) -> Terms:
    for terms in contracts.terms:
        if terms.name == name:
            return terms
    raise StartError(f"there is no {name}; there are {', '.join(sorted(terms.name for terms in contracts.terms))}")


def _as_http(payload: Path, terms: Terms) -> str:
    """A file that holds only a body gets the contract's own request line."""
    text = payload.read_text("utf-8")
    if _REQUEST.match(text):
        return text
    return f"{terms.method} {terms.template.replace('{', '').replace('}', '')}\n\n{text}"


def _show_groups(terms: Terms, *, as_json: bool) -> None:
    rows = list(explain.groups(terms))
    if as_json:
        out.print_json(data=[{name: getattr(row, name) for name in row.__slots__} for row in rows])
        return
    shown = table("why", "whose, form, basis", "categories and fields", "line", title=escape(terms.contract))
    console = Console(highlight=False)
    if console.width >= _WIDE:
        # A path that is broken is hard to read, a sentence is not.
        longest = max(len(field.path) + 4 for row in rows for field in row.fields)
        paths = min(longest, console.width - _BESIDE_PATHS)
        for column, width in zip(shown.columns[1:], (_HOW, paths, 4), strict=True):
            column.width = width
    for row in rows:
        how = f"{row.whose}\n{row.form}\n{row.basis}"
        shown.add_row(*map(escape, (row.why, how, _by_category(row.fields), row.where.rpartition(":")[2])))
    console.print(shown)
    out.print("* is required. Everything else stays here.")


def _by_category(fields: Sequence[explain.Field]) -> str:
    """Each category above its fields, which are indented and marked where a call must have them."""
    lines: list[str] = []
    for category in dict.fromkeys(field.category for field in fields):
        lines.append(category)
        lines += [f"  {path}{' *' * required}" for path, each, required in fields if each == category]
    return "\n".join(lines)


def _show_call(done: Any, rows: list[explain.FieldRow], *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=[{name: getattr(row, name) for name in row.__slots__} for row in rows])
        return
    if done.sent is None:
        _show_refused(json.loads(done.reply.payload))
        return
    out.print(escape(f"{done.sent.method} {done.sent.target}"))
    out.print(escape(done.sent.payload.decode("utf-8", "replace")))
    shown = table("place", "n", "", "how or why", "line")
    for row in rows:
        mark = "[green]leaves[/]" if row.left else "[yellow]stays[/]"
        shown.add_row(escape(row.place), str(row.count), mark, escape(row.how), escape(row.where))
    Console(highlight=False).print(shown)


def _show_refused(document: dict[str, Any]) -> None:
    for each in document["errors"]:
        out.print(f"[red]refused[/]: {each['code']}: {escape(each['detail'])}")
    out.print(escape(document["fix"] + (f" ({document['where']})" if "where" in document else "")))


@contract.command("reload")
def reload() -> None:
    """Put the contracts of the folder in force in the running gateway; bad ones leave those in force as they are."""
    out.print(counted(asked("reload", None), "operation is in force", "operations are in force"))


@token.command("issue")
def issue(
    service: Annotated[
        str | None, typer.Option(help="A service, as `callers` of contracts name it, or a name.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What it is for; a service makes calls.")] = Role.SERVICE,
    subject: Annotated[str | None, typer.Option(help="The person, for the role subject.")] = None,
    own: Annotated[list[str] | None, typer.Option(help="A service that an engineer answers for.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Narrow the token to one vendor.")] = None,
    entity: Annotated[str | None, typer.Option(help="The company that discloses; the first one otherwise.")] = None,
    days: Annotated[int | None, typer.Option(help="How long it is valid; 90, or as long as its role may have.")] = None,
    as_json: Json = False,
) -> None:
    """Issue a token. It is printed once; configure it where the vendor's SDK has its API key."""
    wanted = {
        "service": service,
        "subject": subject,
        "role": role,
        "services": own or [],
        "vendor": vendor,
        "entity": entity,
        "days": days,
    }
    issued = asked("issue", wanted)
    if "note" in issued:
        err.print(escape(issued["note"]))
    out.print_json(data=issued) if as_json else print(issued["token"])  # noqa: T201  for use in a shell


@token.command("revoke")
def revoke(token_id: str) -> None:
    """Refuse a token from the next call on. TOKEN_ID is the `id` that `issue --json` printed."""
    asked("revoke", token_id)
    out.print("revoked")


@prose.command("measure")
def measure(
    path: Annotated[Path, typer.Argument(help="Labelled sentences, or a folder of them: .json, .jsonl")],
) -> None:
    """Tell how much of the personal data in labelled sentences is found, and what is found that is none."""
    files = sorted(each for each in path.rglob("*.json*")) if path.is_dir() else [path]
    shown = table("sentences", "kind", "labelled", "found", "recall", "false positives")
    for row in scores([each for file in files for each in sentences_in(file.read_text("utf-8"))]):
        shown.add_row(*map(str, row))
    out.print(shown)


def _root(path: Path) -> tuple[Path, str]:
    """The folder of a set, found above a file or folder in it, and what was asked for below it."""
    for folder in (path, *path.parents):
        if (folder / "policy.yaml").is_file():
            below = path.relative_to(folder).as_posix()
            return folder, "" if below == "." else below
    raise StartError(f"there is no policy.yaml in {path} or above it")
