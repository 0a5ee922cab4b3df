"""The command line: each command calls one function and shows what it gives back."""

import re
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from gateway.cli.console import err, out
from gateway.cli.menu import Entry, menu
from gateway.errors import ContractError, GatewayError, Refusal
from gateway.misfit import misfits, told
from gateway.settings import Settings, SettingsError

_COMMANDS = {
    "serve": Entry(
        "gateway.cli.serve:serve",
        "Run the gateway until it is told to stop. Settings are variables GATEWAY_…, see docs/operations.md.",
    ),
    "health": Entry(
        "gateway.cli.health:health",
        "Exit with 0 if the gateway on this machine is ready, otherwise with 1 and the reason.",
    ),
    "demo": Entry(
        "gateway.cli.demo:demo",
        "Watch a shop's traffic leave minimised and recorded, between real processes on this machine.",
    ),
    "sandbox": Entry(
        "gateway.cli.serve:sandbox",
        "Play the vendors of contracts on this machine until told to stop; prints the setting that leads there.",
    ),
    "contract": Entry("gateway.cli.contract:contract", "Check, test and read contracts."),
    "token": Entry("gateway.cli.token:token", "Tokens of shop services and operators."),
    "facts": Entry("gateway.cli.facts:facts", "What decisions look up: orders, consents, suspensions."),
    "ledger": Entry("gateway.cli.ledger:ledger", "Read the record and prove it. Every look is itself recorded."),
    "report": Entry(
        "gateway.cli.report:report",
        "Make a report from the record and the contracts in force. That it was made is itself on record.",
    ),
    "forecast": Entry(
        "gateway.cli.forecast:forecast",
        "Tell what of the last 7 days' calls will be refused, from when on, and who can do something about it.",
    ),
    "deadlines": Entry(
        "gateway.cli.deadlines:deadlines",
        "Tell what has to be done by when, the next one first, and by whom. Nothing in it says whom it is about.",
    ),
    "policy": Entry("gateway.cli.policy:policy", "Draft, compare and publish versions of the privacy policy."),
    "waiver": Entry("gateway.cli.waiver:waiver", "Let named operations pass named codes for some hours."),
    "bulk-look": Entry("gateway.cli.bulk_look:bulk_look", "Take more of the record out than one person may alone."),
    "subject": Entry(
        "gateway.cli.subject:subject",
        "One person: who received their data, what they ask, erase or hold what is known of them.",
    ),
    "keys": Entry("gateway.cli.subject:keys", "The keys under which people are sealed."),
    "notice": Entry("gateway.cli.notice:notice", "What vendors are told about people whose data they have."),
    "erasure": Entry("gateway.cli.notice:erasure", "People who are being erased, from beginning to end."),
    "disclosure": Entry("gateway.cli.notice:disclosure", "What goes to vendors beside the gateway."),
    "exceptional": Entry(
        "gateway.cli.exceptional:exceptional",
        "Disclosures outside contracts: legal compulsion, protection of rights, emergency.",
    ),
    "incident": Entry(
        "gateway.cli.incident:incident", "Incidents at vendors: clocks, whom they concern, and who was told."
    ),
    "canary": Entry("gateway.cli.incident:canary", "Values that one vendor alone has, and what it lost."),
    "scrub": Entry("gateway.cli.scrub:prose", "Personal data in free text."),
    "settings": Entry("gateway.cli.settings:settings", "What this gateway was told from outside."),
    "backup": Entry(
        "gateway.cli.backup:backup", "Copy the stores, beside a gateway that runs or without one, and check the copy."
    ),
    "restore": Entry(
        "gateway.cli.backup:restore",
        "Bring a backup back; where it lacks what was signed, the old origin ends and a new one begins.",
    ),
}
cli = typer.Typer(
    name="gateway",
    help="Lets personal data out only as a contract says, and writes it down.",
    cls=menu(_COMMANDS),
    no_args_is_help=True,
)

# Whose value could not be read, pydantic-settings says in its text alone.
_FIELD = re.compile(r'field "([a-z_]+)"')


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"gateway {version('data-sharing-gateway')}")
        raise typer.Exit


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What every command has before it."""


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
