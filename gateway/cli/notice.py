"""The commands about what vendors are told of people, and whether they have answered."""

import json
from typing import Annotated, Any

import typer

from gateway.cli.asking import asked, stated
from gateway.cli.console import Json, counted, out, say, table
from gateway.errors import GatewayError, StartError
from gateway.vocabulary import SubjectRole
from gateway.vocabulary.notices import Cause

erasure = typer.Typer(no_args_is_help=True)
disclosure = typer.Typer(no_args_is_help=True)
notice = typer.Typer(no_args_is_help=True)

_TOGETHER = 200
Id = Annotated[str, typer.Argument(metavar="ID", help="The id in the list.")]
Receipt = Annotated[str, typer.Option(help="The number under which the vendor answered.")]


@notice.command("list")
def list_notices(
    vendor: str | None = None,
    subject: Annotated[str | None, typer.Option(help="The shop's own number of a person.")] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that wait for somebody.")] = False,
    limit: int = 200,
    as_json: Json = False,
) -> None:
    """List notices, those first that are due first."""
    filters: dict[str, Any] = {"vendor": vendor, "subject": subject, "open": is_open, "limit": limit}
    _show(asked("notices", stated(filters)), as_json=as_json)


@notice.command("tell")
def tell(
    cause: Annotated[Cause, typer.Argument(help="Why.")],
    subject: Annotated[str | None, typer.Option(help="The shop's own number of the person.")] = None,
    order: Annotated[str | None, typer.Option(help="The order, for order_closed.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Of the consent that was withdrawn.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Only this vendor.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="What was corrected; give it as often as needed.")] = None,
    as_json: Json = False,
) -> None:
    """Open a notice for each vendor that received what it is about; the ledger knows which."""
    wanted: dict[str, Any] = {"subject": subject, "order": order, "purpose": purpose, "vendor": vendor}
    _show(asked("notices/tell", {"cause": cause, "categories": category or [], **stated(wanted)}), as_json=as_json)


@notice.command("told")
def told(id_: Id, receipt: Receipt = "", as_json: Json = False) -> None:
    """Say that the vendor was told, by whatever way."""
    _step(id_, "sent", as_json=as_json, receipt=receipt)


@notice.command("confirm")
def confirm(id_: Id, receipt: Receipt = "", as_json: Json = False) -> None:
    """Say that the vendor has done what it was told."""
    _step(id_, "confirmed", as_json=as_json, receipt=receipt)


@notice.command("excuse")
def excuse(
    id_: Id,
    reason: Annotated[str, typer.Option(help="impossible, or disproportionate (GDPR 19).")],
    as_json: Json = False,
) -> None:
    """Say that the vendor cannot be told, or only out of proportion."""
    _step(id_, "excused", as_json=as_json, reason=reason)


@notice.command("consignees")
def consignees(as_json: Json = False) -> None:
    """List who gets what others bought and is to be told that their data went to somebody."""
    found = asked("consignees", {})
    if as_json:
        out.print_json(json.dumps(found))
        return
    if found:
        rows = ((each["subject"], each["since"][:16], ", ".join(each["orders"]), each["entry"]) for each in found)
        out.print(table(("subject", "since", "orders", "entry"), rows))
    out.print(counted(len(found), "person is to be told", "people are to be told"))


@notice.command("informed")
def informed(
    subjects: Annotated[list[str], typer.Argument(metavar="SUBJECT", help="The shop's own number.")],
    as_json: Json = False,
) -> None:
    """Say that the shop has told them."""
    count = asked("consignees/informed", {"subjects": subjects})
    say(counted(count, "person was told", "people were told"), {"informed": count}, as_json=as_json)


@erasure.command("begin")
def begin(
    subject: Annotated[str, typer.Argument(metavar="REF", help="The shop's own number of the person.")],
    reason: Annotated[str, typer.Option(help="A word such as request or objection; it stays for good.")],
    as_json: Json = False,
) -> None:
    """Restrict a person at once and have all vendors told; the link to the record is destroyed when its time comes."""
    begun = asked("erasures/begin", {"subject": subject, "reason": reason})
    _show_erasures([begun], as_json=as_json)
    if not as_json and not begun["told"]:
        out.print("Nothing on record went to a vendor about this number. Is it the right one?")


@erasure.command("list")
def list_erasures(as_json: Json = False) -> None:
    """List erasures that are under way, and which vendors they wait for."""
    _show_erasures(asked("erasures", None), as_json=as_json)


def _show_erasures(erasures: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=erasures)
        return
    rows = []
    for each in erasures:
        waiting, ends = ", ".join(each["waiting"]), each.get("ends", "when all have answered")[:22].partition("T")[0]
        rows.append((each["subject"], each["since"][:10], each["state"], str(each["told"]), waiting, ends))
    if rows:
        out.print(table(("subject", "since", "state", "told", "waiting for", "link destroyed"), rows))
    out.print(counted(len(erasures), "erasure is under way", "erasures are under way"))


@disclosure.command("record")
def record(
    operation: Annotated[str, typer.Argument(metavar="VENDOR/OPERATION", help="One with `channel: direct`.")],
    subject: Annotated[str, typer.Option(help="The shop's own number of the person.")],
    role: Annotated[SubjectRole, typer.Option(help="In which role.")],
    happened: Annotated[str, typer.Option(help="When, such as 2026-11-02T10:00:00Z.")],
    order: Annotated[str | None, typer.Option(help="About which order.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Only these; give it as often as needed.")] = None,
    as_json: Json = False,
) -> None:
    """Record a disclosure that went beside the gateway: by a dashboard, a file, the telephone."""
    vendor, _, name = operation.partition("/")
    who = {"subject": subject, "role": role, **({"order": order} if order else {})}
    told = {"vendor": vendor, "operation": name, "people": [who], "happened": happened, "categories": category or []}
    [done] = asked("disclosures", [told])
    say(f"{'recorded before' if done['known'] else 'recorded'}; entry {done['entry']}", done, as_json=as_json)


@disclosure.command("import")
def import_(
    file: Annotated[typer.FileText, typer.Argument(help="One JSON object a line, as POST /disclosures takes them.")],
    as_json: Json = False,
) -> None:
    """Record disclosures of earlier times; each entry says that it was recorded afterwards, and none is made twice."""
    told = [_read(number, line) for number, line in enumerate(file, 1) if line.strip()]
    known = 0
    for start in range(0, len(told), _TOGETHER):
        try:
            known += sum(each["known"] for each in asked("disclosures", told[start : start + _TOGETHER]))
        except GatewayError as error:
            raise StartError(f"{error}\n{_so_far(told[start]['line'] if start else 0)}") from None
    if as_json:
        out.print_json(data={"recorded": len(told), "known": known})
        return
    recorded = counted(len(told), "disclosure is recorded", "disclosures are recorded")
    out.print(f"{recorded}, {known} of them were before")


def _read(number: int, line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        # Not chained: the parser's own error shows the line.
        raise StartError(f"line {number} is not a JSON object; nothing was recorded")
    return told | {"afterwards": True, "line": number}


def _so_far(line: int) -> str:
    """What became of a file in which something was wrong, where all above this line went in."""
    if not line:
        return "Nothing was recorded. Mend these lines, and import the file again."
    return f"What stands above line {line} is recorded, and is known when the mended file is imported again."


def _step(id_: str, state: str, *, as_json: bool, **stated: str) -> None:
    done = asked("notices/step", {"notice": id_, "state": state, **stated})
    say(f"{done['vendor']}: {done['cause']} is {done['state']}", done, as_json=as_json)


def _show(notices: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=notices)
        return
    rows = []
    for each in notices:
        state = "overdue" if each["overdue"] else each["state"]
        due, categories = each["due"][:10] if each["open"] else "", ", ".join(each["categories"])
        rows.append((each["id"], each["vendor"], each["cause"], state, due, each["way"], categories))
    if rows:
        out.print(table(("id", "vendor", "cause", "state", "due", "way", "categories"), rows))
    count = sum(each["open"] for each in notices)
    out.print(f"{counted(len(notices), 'notice', 'notices')}, {count} of them open")
