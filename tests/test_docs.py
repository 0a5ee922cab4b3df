"""What README and docs say about commands, settings, codes and files is what the code has."""

import json
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer
from doc_blocks import Block, blocks
from pydantic import TypeAdapter
from small_contracts import section
from typer.core import TyperGroup

from gateway.cli.main import cli
from gateway.cli.menu import Later
from gateway.contract.model import Section
from gateway.errors import CODES, REASONS
from gateway.ledger.unready import MEANING, Unready
from gateway.registry.entered import ROWS, AnyRow
from gateway.settings import Settings
from gateway.telemetry import Telemetry
from gateway.vocabulary import ConsentState

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
GUIDE = "".join(
    (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for name in ("operations", "facts", "people", "oversight", "refusals")
)
TABLES_OF_CODES = ("errors.py", "levels.py")
SOURCE = "".join(
    file.read_text("utf-8") for file in sorted((ROOT / "gateway").rglob("*.py")) if file.name not in TABLES_OF_CODES
)
NO_CHOICES = "none"
COMMANDS = typer.main.get_command(cli)


def test_every_setting_is_documented_with_its_default() -> None:
    fields = Settings.model_fields
    expected = {f"GATEWAY_{name.upper()}": _default(field.default) for name, field in fields.items()}

    documented = {row[0]: row[1] for row in _table("variable")}

    assert documented == expected


def test_every_code_is_documented_as_it_is_given() -> None:
    expected = [[code, str(each.status), each.title, each.fix, _reasons(code)] for code, each in CODES.items()]

    [told] = [list(_rows(table)) for table in _tables("code", "status")]

    assert told == expected
    assert [code for code in CODES if f'"{code}"' not in SOURCE] == []


def test_every_kind_of_fact_is_shown_and_every_fact_shown_is_taken() -> None:
    shown = [fact for block in blocks(GUIDE) if block.word == "facts" for fact in _facts(block)]

    kinds = {fact.kind for fact in ROWS.validate_python(shown)}

    assert kinds == set(TypeAdapter(AnyRow).json_schema()["discriminator"]["mapping"])


def test_every_state_of_consent_is_named() -> None:
    sentence = re.search(r"States: (.*?)\.", GUIDE, re.DOTALL)

    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == {state.value for state in ConsentState}


def test_every_reason_of_a_gateway_that_is_not_ready_is_documented() -> None:
    documented = {row[0].strip("`"): row[1] for row in _table("reason")}

    assert documented == {reason.value: meaning for reason, meaning in MEANING.items()}
    assert set(MEANING) == set(Unready)


def test_every_metric_is_documented_with_its_labels() -> None:
    telemetry = Telemetry()
    telemetry.call("sent", "stripe")
    telemetry.edge("http.host")
    telemetry.unnamed("stripe", {"token": 1})
    telemetry.gauge("gateway.calls.in_flight", "Calls on their way.", lambda: 1)
    samples = re.findall(r"^(gateway_\w+)(?:\{(.*)\})? ", telemetry.exposition().decode(), re.MULTILINE)

    documented = {row[0]: set(re.findall(r"\w+", row[1])) for row in _table("metric")}

    assert documented == {name: set(re.findall(r'(\w+)="', labels)) for name, labels in samples}
    telemetry.close()


def test_every_header_of_ours_is_documented() -> None:
    documented = {row[0].lower() for row in _table("header")}

    # `gateway-by` is said by the command line on the control socket, to nobody else.
    assert documented == set(re.findall(r'"(gateway-[a-z]+)"', SOURCE)) - {"gateway-by"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_gives_exists(page: Path) -> None:
    unknown = [line for line in _commands(page) if (problem := _problem(line)) and problem]

    assert unknown == []


@pytest.mark.parametrize(
    "line", ["gateway vanish", "gateway ledger list --colour red", "gateway contract explain a b c d", "gateway ledger"]
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    assert _problem(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page: Path) -> None:
    assert list(_uneven(page.read_text("utf-8"))) == []


def test_a_row_with_a_cell_too_many_is_noticed() -> None:
    assert list(_uneven("| a | b |\n|---|---|\n| 1 | `x \\| y` |\n| 1 | 2 | 3 |\n")) == ["| 1 | 2 | 3 |"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text("utf-8"))

    assert [link for link in links if not _leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_heading_stands_twice_on_a_page(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)

    assert headings != []
    assert [heading for heading, number in Counter(headings).items() if number > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_that_a_page_names_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text("utf-8"), re.MULTILINE)) <= targets


def test_the_two_commands_of_the_readme_come_first_and_ci_runs_the_second() -> None:
    [first, *_] = blocks((ROOT / "README.md").read_text("utf-8"))
    commands = [line.partition("#")[0].strip() for line in first.text.splitlines()]
    ci = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert commands == ["make demo", "make test"]
    assert [line for line in ci if line.startswith("make ")] == [
        "make test",
        "make check",
        "make test-slow",
        "make faults FAULTS=ci",
    ]


def test_the_group_in_the_readme_is_one_that_loads() -> None:
    [group] = [block.text for block in blocks((ROOT / "README.md").read_text("utf-8")) if block.language == "yaml"]

    assert [rule.path for rule in section(group).rules][:3] == [
        "$.recipient.name",
        "$.recipient.street",
        "$.recipient.city",
    ]


def test_the_readme_counts_every_body_among_what_is_there_and_none_among_what_is_not() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    there, missing = readme.partition("\nThere: ")[2].split("\n\nNot yet: ")
    names = {
        "json": "JSON",
        "ndjson": "lines of JSON",
        "form": "form",
        "multipart": "multipart",
        "xml": "XML",
        "sentry-envelope": "Sentry's envelopes",
        "opaque": "opaque",
        "none": "empty",
    }

    assert names.keys() == set(get_args(Section.model_fields["body"].annotation))
    assert [name for name in names.values() if name not in there or re.search(rf"\b{name}\b", missing)] == []


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a path of somebody's machine", r"/(?:work|root|home/\w+|Users/\w+)/\w"),
        ("the name of a package registry", r"(?:pypi|pythonhosted|npmjs|crates|proxy\.golang)\.(?:org|com|io)"),
        ("an option that names a registry", r"--(?:extra-)?index-url[ =]\S"),
    ],
)
def test_no_committed_file_names(what: str, pattern: str) -> None:
    found = [f"{file}: {match[0]}" for file, text in _committed() if (match := re.search(pattern, text))]

    assert found == [], what


def _committed() -> Iterator[tuple[str, str]]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.rstrip("\0").split("\0"):
        # The patterns themselves stand in this file, and a file may be deleted and not yet committed.
        if name != "tests/test_docs.py" and (ROOT / name).is_file():
            yield name, (ROOT / name).read_text("utf-8", "replace")


def _tables(*first: str) -> list[str]:
    """The tables of the page on operations whose head begins with these names."""
    head = "".join(rf"\| {name} " for name in first)
    return re.findall(rf"^{head}.*\n\|[-|]+\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)


def _table(name: str) -> list[list[str]]:
    [table] = _tables(name)
    return list(_rows(table))


def _rows(table: str) -> Iterator[list[str]]:
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" |")]
        # A cell that is one piece of code is that code; others keep their marks.
        yield [cell.strip("`") if cell.count("`") == 2 and cell[0] == cell[-1] == "`" else cell for cell in cells]


def _uneven(text: str) -> Iterator[str]:
    """The rows of tables that have another number of cells than the head of theirs."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", prose, re.MULTILINE):
        head, *lines = table.splitlines()
        yield from (line for line in lines if _cells(line) != _cells(head))


def _cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def _default(value: object) -> str:
    return NO_CHOICES if value is None else str(value)


def _reasons(code: str) -> str:
    named = [reason for reason, each in REASONS.items() if each == code]
    return named[0] if len(named) == 1 else ", ".join(f"`{reason}`" for reason in named)


def _facts(block: Block) -> Iterator[object]:
    decoder, text = json.JSONDecoder(), block.text.strip()
    while text:
        fact, end = decoder.raw_decode(text)
        yield fact
        text = text[end:].lstrip()


def _commands(page: Path) -> Iterator[str]:
    """Each `gateway …` of a page: in blocks of a shell, and in the text where it names a command."""
    text = page.read_text("utf-8")
    for block in blocks(text):
        if block.language in ("sh", "console"):
            lines = [command for command, _ in block.commands] or block.text.splitlines()
            yield from (line[line.index("gateway ") :] for line in lines if re.match(r"(\S+=\S+ )?gateway ", line))
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`(gateway [a-z][^`…]*)`", prose)


def _problem(line: str) -> str:
    """What is wrong with a command, or nothing. Arguments may be left out, as prose does; none may be too many."""
    command, words = COMMANDS, shlex.split(line.split("|", maxsplit=1)[0], comments=True)[1:]
    while isinstance(command, TyperGroup):
        if not words or words[0] not in command.commands:
            return f"{line}: there is no such command"
        named, words = command.commands[words[0]], words[1:]
        command = named.loaded() if isinstance(named, Later) else named
    flags = {name: bool(getattr(each, "is_flag", False)) for each in command.params for name in each.opts}
    arguments = sum(not name.startswith("-") for each in command.params for name in each.opts)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            if word not in flags:
                return f"{line}: there is no option {word}"
            words = words if flags[word] else words[1:]
        else:
            arguments -= 1
    return "" if arguments >= 0 else f"{line}: too many arguments"


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    file = (page.parent / path) if path else page
    if not file.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE) if anchor else []
    return not anchor or anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
