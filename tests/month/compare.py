"""What the reports of the month say, against what the shop has counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from month.counted import Counted
from month.machine import Machine
from month.office import Office
from month.people import Desk

STRAY = "$.*#"  # before the digest of a key that no contract names
Rows = list[dict[str, Any]]
Comparison = Callable[[Rows, Counted], Iterator[str]]


class Reader:
    """A reviewer who asks for reports, and a data protection officer and an agent for what else is told."""

    def __init__(self, machine: Machine, desk: Desk, office: Office, token: str) -> None:
        self.desk = desk
        self.office = office
        self._machine = machine
        self._token = token

    def report(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._machine.operate(self._token, "GET", f"/reports/{name}")
        return found

    def verify(self) -> str:
        return self._machine.typed("ledger", "verify")


def blind(counted: Counted) -> list[str]:
    """Comparisons that would not notice a report without its rows, or sales where there are none."""
    empty: Mapping[str, Rows] = {"sales": [{}]}
    return [name for name, comparison in COMPARISONS.items() if not list(comparison(empty.get(name, []), counted))]


def differences(reader: Reader, counted: Counted) -> Iterator[str]:
    """Where a report and the shop's own counts do not say the same."""
    yield from _compared("what vendors got", counted.received, counted.sent)
    if counted.leaked:
        yield f"a note reached a vendor {len(counted.leaked)} times"
    if len(counted.emailed) != len(counted.emails):
        yield f"e-mail addresses: {len(counted.emailed)} reached the courier, {len(counted.emails)} were to"
    if not counted.incidents:
        yield from _concerned(reader.office.affected(reader.office.open_incident("parcelgate")), counted)
    yield from _own(reader, counted)
    for name, comparison in COMPARISONS.items():
        report = reader.report(name)
        if "hashed again" not in report["verification"]:
            yield f"{name}: {report['verification']}"
        yield from (f"{name}: {each}" for each in comparison(report["rows"], counted))
        counted.looks["rita", "report"] += 1
    reader.verify()


def _own(reader: Reader, counted: Counted) -> Iterator[str]:
    """What people are told themselves."""
    names = {"parcelgate": "Parcelgate GmbH", "northpay": "Northpay A/S"}
    everybody = {person for people in counted.told.values() for person in people} | set(counted.beside)
    for person in [*sorted(everybody)[:: max(len(everybody) // 10, 1)], *sorted(counted.forgotten)]:
        own = Counter({names[vendor]: people[person] for vendor, people in counted.told.items()})
        own["Parcelgate GmbH"] += counted.beside[person]
        own.update(name for name, who in counted.outside_to if who == person)
        yield from _compared(
            "a person's own report", reader.desk.received(person), {} if person in counted.forgotten else +own
        )


def _concerned(told: Mapping[str, Any], counted: Counted) -> Iterator[str]:
    """Whom an incident at the courier concerns."""
    shipped, beside = set(counted.told["parcelgate"]), set(counted.beside)
    lost, known = counted.forgotten & (shipped | beside), (shipped | beside) - counted.forgotten
    own: dict[str, Any] = {
        "disclosures": counted.told["parcelgate"].total() + counted.beside.total(),
        "uncertain": 0,
        "people": len(known),
        # Each shipment has them as purchaser and as consignee; on the telephone they are the consignee.
        "forgotten": sum(2 * counted.told["parcelgate"][person] + counted.beside[person] for person in lost),
        "past_retention": len((counted.late - shipped) & known),
        "within_retention": len(known - (counted.late - shipped)),
        "scrubbed_text": 0,
    }
    yield from _compared("incident", {name: told[name] for name in own}, own)
    laws = Counter(counted.laws[person] for person in known)
    yield from _compared("incident, by law", told["by_jurisdiction"], laws)
    ways = {"through the gateway": len(shipped & known), "not through the gateway": len(beside & known)}
    yield from _compared("incident, by way", told["by_channel"], ways)
    forms = {"as_is": len(known), "replace": len(shipped & known), "pseudonymise": len(shipped & known)}
    yield from _compared("incident, by form", told["by_form"], forms)
    emails = len(set(counted.emailed) & known)
    yield from _compared(
        "incident, e-mail", {"people": told["by_category"].get("contact.email", 0)}, {"people": emails}
    )


def _vendors(rows: Rows, counted: Counted) -> Iterator[str]:
    own = _by_vendor(counted.received)
    own["parcelgate"] += counted.beside.total()
    yield from _compared("disclosures", {row["vendor"]: row["disclosures"] for row in rows}, own)
    known = {vendor: {person for person in people if people[person]} for vendor, people in counted.told.items()}
    known["parcelgate"] = known.get("parcelgate", set()) | {person for person, n in counted.beside.items() if n}
    people = Counter({vendor: len(each - counted.forgotten) for vendor, each in known.items()})
    yield from _compared("people", {row["vendor"]: row["people"] for row in rows}, people)
    refused: Counter[str] = Counter()
    for row in rows:
        for code in row["refused"]:
            word, _, count = code.rpartition(" ")
            refused[f"{row['vendor']} {word}"] += int(count)
    yield from _compared("refused", refused, counted.refused)


def _activities(rows: Rows, counted: Counted) -> Iterator[str]:
    said: Counter[str] = Counter()
    for row in rows:
        said[row["recipient"]] += row["disclosures"]
    received = _by_vendor(counted.received)
    own = Counter({"Parcelgate GmbH": received["parcelgate"], "Northpay A/S": received["northpay"]})
    # That the courier writes to somebody is an activity of its own.
    own["Parcelgate GmbH"] += counted.beside.total() + len(counted.emailed)
    own.update(name for name, _ in counted.outside_to)
    yield from _compared("disclosures", +said, own)
    ways = [row["channels"] for row in rows if row["id"] == "shop-eu/parcelgate/delivery"]
    if ways != [["not through the gateway", "through the gateway"]]:
        yield f"ways: {ways}"


def _transfers(rows: Rows, counted: Counted) -> Iterator[str]:
    said: Counter[tuple[str, str]] = Counter()
    for row in rows:
        _, to, jurisdiction, _ = row["id"].split("/")
        said[to, jurisdiction] += row["count"]
    yield from _compared("transfers", said, counted.countries + counted.crossed)


def _withdrawals(rows: Rows, counted: Counted) -> Iterator[str]:
    yield from _compared("withdrawals", {"rows": len(rows)}, {"rows": counted.withdrawn})
    if any(row["disclosures_after"] for row in rows):
        yield "something went on a ground that was withdrawn"


def _none(rows: Rows, _: Counted) -> Iterator[str]:
    if rows:
        yield f"{len(rows)} rows where none is to be"


def _minimised(rows: Rows, counted: Counted) -> Iterator[str]:
    through = [row for row in rows if row["operation"] in counted.received]
    yield from _compared("calls", {row["operation"]: row["calls"] for row in through}, counted.received)
    yield from _compared("values that left", {row["operation"]: row["sent"] for row in through}, counted.leaves)
    stayed = Counter(counted.given) - counted.leaves
    yield from _compared("values that stayed", {row["operation"]: row["withheld"] for row in through}, stayed)
    beside = sum(row["calls"] for row in rows if row["operation"] == "parcelgate/claim-by-phone")
    yield from _compared("beside the gateway", {"calls": beside}, {"calls": counted.beside.total()})


def _drift(rows: Rows, counted: Counted) -> Iterator[str]:
    # The key may be a value itself, so its name does not stand there.
    stray = Counter({row["operation"]: row["count"] for row in rows if row["path"].startswith(STRAY)})
    own = {"parcelgate/create-shipment": counted.received["parcelgate/create-shipment"]}
    yield from _compared("what nobody names", stray, own)


def _expiring(rows: Rows, counted: Counted) -> Iterator[str]:
    said = [(row["vendor"], row["on"]) for row in rows if row["what"] == "agreement" and row["days"] < 0]
    if said != counted.ended:
        yield f"{said} has ended, {counted.ended} of the shop's own"


def _looks(rows: Rows, counted: Counted) -> Iterator[str]:
    own = {key: count for key, count in counted.looks.items() if count}
    said = Counter((row["who"], row["action"]) for row in rows)
    yield from _compared("looks", {key: said[key] for key in own}, own)


def _demands(rows: Rows, counted: Counted) -> Iterator[str]:
    said = [{name: row[name] for name in own} for row, own in zip(rows, counted.demands, strict=False)]
    if len(rows) != len(counted.demands) or said != counted.demands:
        yield f"{said} against {counted.demands} of the shop's own"


def _totals(rows: Rows, counted: Counted) -> Iterator[str]:
    outcomes = Counter(demand["outcome"] for demand in counted.demands)
    own = {"cases": len(counted.demands), "subjects": len(counted.demands), **outcomes, "preserved": 0, "open": 0}
    said: Counter[str] = Counter()
    for row in rows:
        said.update({name: row[name] for name in own})
    yield from _compared("cases", said, own)


def _incidents(rows: Rows, counted: Counted) -> Iterator[str]:
    said = [(row["incident"], row["vendor"], tuple(step.partition(" ")[0] for step in row["steps"])) for row in rows]
    if said != counted.incidents:
        yield f"{said} against {counted.incidents} of the shop's own"


def _notices(rows: Rows, counted: Counted) -> Iterator[str]:
    yield from _compared("notices", Counter((row["cause"], row["vendor"]) for row in rows), +counted.notices)
    if any(row["cause"] == "erasure" and row["vendor"] == "parcelgate" and row["state"] != "confirmed" for row in rows):
        yield "an erasure is not confirmed"


def _requests(rows: Rows, counted: Counted) -> Iterator[str]:
    said = Counter((row["right"], step.partition(" ")[0]) for row in rows for step in row["steps"] or [row["status"]])
    yield from _compared("steps", said, counted.requests)


def _waivers(rows: Rows, counted: Counted) -> Iterator[str]:
    yield from _compared("waivers", {"rows": len(rows)}, {"rows": 1})
    yield from _compared("passed", {row["operations"][0]: row["disclosures"] for row in rows}, +counted.waived)


COMPARISONS: Mapping[str, Comparison] = {
    "vendors": _vendors,
    "activities": _activities,
    "transfers": _transfers,
    "withdrawals": _withdrawals,
    "sales": _none,
    "minimisation": _minimised,
    "drift": _drift,
    "expiring": _expiring,
    "demands": _demands,
    "demand-totals": _totals,
    "incidents": _incidents,
    "notices": _notices,
    "requests": _requests,
    "waivers": _waivers,
    "accesses": _looks,
}


def _compared(what: str, said: Mapping[Any, int], own: Mapping[Any, int]) -> Iterator[str]:
    for key in sorted(said.keys() | own.keys()):
        if said.get(key, 0) != own.get(key, 0):
            yield f"{what}, {key}: {said.get(key, 0)} against {own.get(key, 0)} of the shop's own"


def _by_vendor(received: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for operation, count in received.items():
        found[operation.partition("/")[0]] += count
    return found
