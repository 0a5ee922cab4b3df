"""The demo on a terminal: quiet, in colour where there is one, readable at 80 columns."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.demo.processes import Json
from gateway.demo.scene import Leaves, Scene, leaves_of, received_of, sent_of
from gateway.demo.story import ORDERS, Step
from gateway.rehearse import Http1, parse_http

WIDEST: Final = 100
_NARROWEST = 60
_INDENT = "   "
_COLUMNS = 3
_NAMES = 8

REASONS: Final = {
    "field.unnamed": "no line names it",
    "drop": "a line keeps it here",
    "consent.missing": "no consent to it",
    "field.condition": "not for this country",
    "field.type": "another type",
    "field.secret": "a secret",
}


class Show:
    """Prints the demo, step by step as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = max(_NARROWEST, min(console.width, WIDEST))

    def opening(self) -> None:
        self._rule("A shop, its vendors, and one door between them")
        self._say(
            "A gateway and the vendors it talks to have just started on this machine, each in a process of its own. "
            "Careless services will send far too much. On the left is what the shop sends, on the right what really "
            "arrives, taken from the vendor's own log.",
        )
        self._say(f"The shop's register knows {len(ORDERS)} orders and the people in them.")

    def heading(self, text: str, why: str) -> None:
        self._rule(text)
        self._say(why)

    def sent(self, number: int, scene: Scene) -> None:
        """A call that went: side by side, then its entry and its answer."""
        if not scene.received:
            self.refused(number, scene)
            return
        self._title(number, scene.step)
        self._put(self._side_by_side(scene, received_of(scene.received[0])))
        self._console.print()
        if scene.entry is not None:
            self._note("ledger", *_entry(scene.entry))
        self._note("answer", *_answer(scene))

    def refused(self, number: int, scene: Scene) -> None:
        """A call that did not go: why, by which line, and how to mend it."""
        self._title(number, scene.step)
        problem, call = scene.problem, parse_http(scene.step.call)
        self._note("sent", call.first, " ".join(call.body.decode().split()), style="dim")
        self._note("refused", f"{scene.status} {problem.get('code', '')}", style="bold red")
        self._note("because", problem.get("message", ""))
        self._note("line", problem.get("where", ""))
        self._note("fix", problem.get("fix", ""))
        got = "nothing" if not scene.received else "it all the same"
        written = f"№ {scene.entry['seq']}, a {scene.entry['kind']}" if scene.entry else "no entry"
        self._note("ledger", f"{written}; {scene.step.vendor} got {got}")

    def verdict(self, what: str, broken: Sequence[str]) -> None:
        mark, style = ("✗", "bold red") if broken else ("✓", "green")
        self._put(self._pair(Text(mark, style), Text(what)))
        for each in broken:
            self._put(self._pair(Text(""), Text(each, "red")))

    def end(self, broken: int, seconds: float) -> None:
        self._console.print()
        if broken:
            self._put(Text(f"{broken} not as promised.", "bold red"))
        else:
            self._put(Text(f"All as promised, in {seconds:.1f} seconds.", "bold green"))

    def command(self, why: str, line: str) -> None:
        """A line to copy: never wrapped, never coloured."""
        self._console.print()
        self._say(why)
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _rule(self, text: str) -> None:
        self._console.print()
        line = Text(f"── {text} ", "bold")
        line.append("─" * max(0, self._width - line.cell_len), "dim")
        self._console.print(line, soft_wrap=True)

    def _title(self, number: int, step: Step) -> None:
        ends = f"{step.service} → {step.vendor}"
        title = Text(f"{number:>2} {step.title}", "bold")
        title.append(" " * max(2, self._width - title.cell_len - len(ends)))
        title.append(ends, "cyan")
        self._console.print()
        self._console.print(title, soft_wrap=True)
        self._put(Text(step.why, "italic"))

    def _side_by_side(self, scene: Scene, received: Http1) -> Table:
        sent, arrived = sent_of(scene.step), leaves_of(received)
        table = Table(box=None, padding=(0, 1, 0, 0), width=self._width - len(_INDENT), show_edge=False)
        third = (self._width - len(_INDENT)) // _COLUMNS - 1
        for heading in ("", "the shop sent", f"{scene.step.vendor} received"):
            table.add_column(heading, width=third, no_wrap=True, overflow="ellipsis", header_style="dim")
        table.add_row("", *(line.partition("?")[0] for line in (parse_http(scene.step.call).first, received.first)))
        for place, value in sent.items():
            table.add_row(Text(_short(place, third), "dim"), Text(value), _received(place, value, arrived, scene))
        for place in sorted(arrived.keys() - sent.keys()):
            table.add_row(Text(_short(place, third), "dim"), Text(""), Text(arrived[place], "bold red"))
        return table

    def _note(self, name: str, *lines: str, style: str = "") -> None:
        for number, line in enumerate(line for line in lines if line):
            self._put(self._pair(Text("" if number else name, "dim"), Text(line, style)))

    def _pair(self, name: Text, text: Text) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), width=self._width - len(_INDENT), show_header=False)
        table.add_column(width=1 if name.cell_len == 1 else _NAMES)
        table.add_column(ratio=1)
        table.add_row(name, text)
        return table

    def _say(self, text: str) -> None:
        self._console.print(Text(text), width=self._width)

    def _put(self, what: Table | Text) -> None:
        grid = Table.grid()
        grid.add_column(width=len(_INDENT))
        grid.add_column(width=self._width - len(_INDENT))
        grid.add_row("", what)
        self._console.print(grid)


def _short(place: str, width: int) -> str:
    """A place without what all have in common; of a long one the end says most."""
    text = place.removeprefix("$.")
    return text if len(text) <= width else "…" + text[1 - width :]


def _received(place: str, value: str, arrived: Leaves, scene: Scene) -> Text:
    if place not in arrived:
        return Text(f"—  {_reason(place, scene.entry or {})}", "yellow")
    return Text(arrived[place], "green" if arrived[place] == value else "bold cyan")


def _reason(place: str, entry: Json) -> str:
    """Why a value stayed, from the ledger. A name that no contract of the vendor knows is not in there as such."""
    written = ".".join("*" if step.isdigit() else step for step in place.split("."))
    for group in entry.get("withheld", ()):
        for path in group["paths"]:
            text = path if isinstance(path, str) else path[0]
            if written == text or written.startswith(f"{text}."):
                return REASONS.get(group["reason"], str(group["reason"]))
    return REASONS["field.unnamed"]


def _entry(entry: Json) -> Iterator[str]:
    recipient, countries = entry["recipient"]["name"], "/".join(entry["countries"])
    yield f"№ {entry['seq']}  {recipient}, {countries} · {entry['purpose']} · {', '.join(entry['agreements'])}"
    # Several values of one place are one line with their number at its end.
    left = sum(_times(field) for group in entry["disclosed"] for field in group["fields"])
    kept = sum(_times(path) for group in entry.get("withheld", ()) for path in group["paths"])
    bases = dict.fromkeys(ground["basis"] for ground in entry["grounds"])
    yield f"{', '.join(bases)} · {left} left, {kept} stayed"
    yield f"written before the first byte went, then {entry['outcome']['result']}"


def _times(line: str | list[str | int]) -> int:
    """How many values a line of an entry stands for; one where it does not say."""
    last = line[-1]
    return last if isinstance(last, int) else 1


def _answer(scene: Scene) -> Iterator[str]:
    kept = (scene.entry or {}).get("outcome", {}).get("answer", {}).get("withheld", 0)
    document = json.dumps(json.loads(scene.reply or b"{}"), ensure_ascii=False)
    yield f"{scene.status} {document}"
    yield f"{kept} more of what {scene.step.vendor} said stayed out" if kept else ""
