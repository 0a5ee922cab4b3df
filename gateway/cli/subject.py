"""The commands that make the record forget, or keep it from forgetting."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.asking import asked
from gateway.cli.console import Json, counted, out, say, table
from gateway.vocabulary.people import Verified

subject = typer.Typer(
    help="One person: who received their data, what they ask, erase or hold what is known of them.",
    no_args_is_help=True,
)
keys = typer.Typer(no_args_is_help=True)

Ref = Annotated[str, typer.Argument(metavar="REF", help="The shop's own number of the person.")]
Reason = Annotated[str, typer.Option(help="A word such as request, objection or court-order; it stays for good.")]


@subject.command("erase")
def erase(
    ref: Ref,
    reason: Reason,
    force: Annotated[bool, typer.Option("--force", help="Although vendors are still to be told.")] = False,
    as_json: Json = False,
) -> None:
    """Leave nothing that links a person to an entry, here or in the registry. The log stays whole and verifiable."""
    done = asked("erase", {"subject": ref, "reason": reason, "force": force})
    if as_json:
        out.print_json(data=done)
        return
    links, keys = counted(done["links"], "link", "links"), counted(done["keys"], "key", "keys")
    out.print(f"erased: {links} and {keys}; entry {done['entry']}")
    if not done["links"] and not done["keys"]:
        out.print("Nothing was known of this number. Is it the right one?")
    out.print("Copies of keys.db from before open them until the next `gateway keys turnover`.")


@subject.command("hold")
def hold(
    ref: Ref,
    reason: Reason,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day of it.")] = None,
    as_json: Json = False,
) -> None:
    """Keep what is known of a person from being erased or purged."""
    day = until.date().isoformat() if until else None
    done = asked("hold", {"subject": ref, "reason": reason, "until": day})
    until_when = f"the end of {day}" if day else "somebody releases it"
    say(f"held until {until_when}; entry {done['entry']}", done, as_json=as_json)
    for each in () if as_json else done["told"]:
        out.print(f"{each['vendor']} was told before to delete it ({each['cause']}): ask it to keep what it still has.")


@subject.command("release")
def release(ref: Ref, as_json: Json = False) -> None:
    """End all holds on a person."""
    count = asked("release", {"subject": ref})
    say(counted(count, "hold is released", "holds are released"), {"released": count}, as_json=as_json)


class Form(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    CSV = "csv"
    HTML = "html"


@subject.command("report")
def report(
    ref: Ref,
    case: Annotated[str, typer.Option(help="In which case; it stands in the record.")],
    reason: Annotated[str, typer.Option(help="Why, in plain words that name nobody.")],
    verified: Annotated[Verified, typer.Option(help="How it was checked who asks.")],
    form: Annotated[Form, typer.Option(help="A table, or CSV or a page to print on standard output.")] = Form.TABLE,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
    summary: Annotated[bool, typer.Option("--summary", help="What is alike as one line.")] = False,
    as_json: Json = False,
) -> None:
    """Who received a person's data. That somebody asked is on record, with case and reason."""
    behalf = {"subject": ref, "case": case, "reason": reason, "verified": verified.value}
    wanted: dict[str, Any] = {"on_behalf": behalf, "summary": summary, "language": language}
    is_text = form is not Form.TABLE and not as_json
    told = asked("subject-report", wanted | ({"form": form.value} if is_text else {}))
    if is_text:
        print(told, end="")  # noqa: T201  for a file
        return
    if as_json:
        out.print_json(data=told)
        return
    rows = []
    for line in told["disclosures"]:
        categories = ", ".join(each[language] for each in line["categories"])
        bases = ", ".join(each[language] for each in line["bases"])
        said = (line["purpose"][language], categories, bases, line["channel"][language])
        rows.append((line["first"][:16], line["recipient"]["name"], *said))
    columns = ("when", "recipient", "what for", "what", "basis", "way")
    out.print(table(columns, rows, title=f"report {told['report']}"))
    for channel in told["channels"]:
        since = f" ({channel['complete_since'][:16]})" if channel["complete_since"] else ""
        out.print(f"{channel['said'][language]}{since}")


@subject.command("requests")
def requests(as_json: Json = False) -> None:
    """What people asked for that is to be decided or carried out, first what is due first."""
    told = asked("subject-requests", None)
    if as_json:
        out.print_json(data=told)
        return
    rows = []
    for each in told["requests"]:
        due = f"{each['due'][:10]}{' overdue' if each['overdue'] else ''}"
        status = f"{each['status']}{' held' if each['held'] else ''}"
        rows.append((each["request"], each["right"], status, due, each["subject"], each["case"]))
    out.print(table(("request", "right", "status", "due", "subject", "case"), rows))


@keys.command("turnover")
def turnover(as_json: Json = False) -> None:
    """Wrap the keys of all people anew and destroy the key over them: older copies of keys.db open nothing any more."""
    generation = asked("turnover", None)
    if as_json:
        out.print_json(data={"generation": generation})
        return
    out.print(f"generation {generation} is in force, and the one before is destroyed")
    out.print("Now replace the copy of kek.key that you keep apart, destroy the old one, and make a backup.")
