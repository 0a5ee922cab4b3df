from rich.text import Text

from gateway.cli.console import out, say_members, table


def test_a_cell_is_shown_as_it_is_and_only_a_text_has_a_style() -> None:
    with out.capture() as capture:
        out.print(table(("subject", "state"), [("customer[/7]", Text("late", "red"))], title="[red]"))

    assert [line.split() for line in capture.get().splitlines() if "─" not in line] == [
        ["[red]"],
        ["subject", "state"],
        ["customer[/7]", "late"],
    ]


def test_no_word_is_cut_short_however_narrow_the_terminal_is() -> None:
    reference = "a-reference-longer-than-any-terminal-is-wide" * 4

    with out.capture() as capture:
        out.print(table(("subject",), [(reference,)]))

    assert "".join(capture.get().split()).endswith(reference)


def test_members_are_told_a_line_each_in_words() -> None:
    with out.capture() as capture:
        say_members({"case": "x[1]", "suspended": True, "people": {"DE": 2, "FR": 1}}, as_json=False)

    assert capture.get().splitlines() == ["case: x[1]", "suspended: yes", "people: DE 2, FR 1"]
