import io
from dataclasses import replace

import pytest
from demo_scenes import ENTRY, GOOD, STAYED_HERE, arrived
from rich.console import Console

from gateway.demo.scene import Scene
from gateway.demo.show import Show
from gateway.demo.story import SENT


def shown(*, width: int = 80, colour: bool = False, sent: Scene = GOOD) -> str:
    """What a terminal of this width gets to see of the good scene and of the refused one."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    show = Show(console)
    show.opening()
    show.sent(1, sent)
    show.refused(2, STAYED_HERE)
    show.verdict("It holds.", [])
    show.verdict("It does not.", ["the reason"])
    show.end(1, 2.0)
    show.command("Try:", "curl " + "x" * 200)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 132])
def test_no_line_is_wider_than_the_terminal_but_those_to_copy(width: int) -> None:
    lines = shown(width=width).splitlines()

    assert max(len(line) for line in lines if not line.startswith("curl")) <= min(width, 100)
    assert "curl " + "x" * 200 in lines


def test_there_is_colour_only_where_there_is_a_terminal() -> None:
    assert "\x1b[" in shown(colour=True)
    assert "\x1b[" not in shown()


def test_what_stays_has_its_reason_beside_it() -> None:
    text = shown()

    assert "zoe.mueller@example.com   —  no consent to it" in text
    assert "rosacea, sensitive        —  no line names it" in text


def test_the_entry_is_shown_in_three_lines() -> None:
    text = " ".join(shown().split())

    assert "№ 7 Parcelgate GmbH, DE · delivery · DPA-1 legitimate_interest · 1 left, 3 stayed" in text
    assert "written before the first byte went, then sent" in text
    assert "2 more of what parcelgate said stayed out" in text


def test_a_refusal_is_shown_with_its_code_its_reason_and_the_fix() -> None:
    text = shown()

    for part in ("403 agreement.expired", "The agreement has ended", "Renew it.", "elbkurier got nothing"):
        assert part in text


def test_what_arrived_without_being_sent_is_shown_too() -> None:
    received = arrived(SENT[0])
    received["headers"].append(["x-added", "by somebody"])

    assert "by somebody" in shown(sent=replace(GOOD, received=[received], entry=ENTRY))


def test_a_call_that_was_to_go_and_did_not_is_shown_as_the_refusal_that_it_is() -> None:
    text = shown(sent=replace(STAYED_HERE, step=SENT[0]))

    assert text.count("403 agreement.expired") == 2
