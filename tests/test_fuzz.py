"""The checks of the fuzzer on what it begins with, and on what it once found."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import oracle
from fuzz.oracle import BrokenPromiseError, Trimming, checks
from fuzz.seeds import FOUND, seeds

from gateway.body import codecs

CHECKS = checks()


@pytest.mark.parametrize("name", CHECKS)
def test_no_promise_breaks_on_a_seed_or_on_what_was_once_found(name: str) -> None:
    bodies = seeds()[name]

    for body in bodies:
        CHECKS[name](body)

    assert bodies


def test_what_was_found_belongs_to_a_check() -> None:
    assert {folder.name for folder in FOUND.iterdir()} <= CHECKS.keys() if FOUND.is_dir() else True


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", b'{"a":"b "}'),
        ("form", b"a=b+"),
        ("ndjson", b'{"a":["b "]}\n'),
        ("xml", b"<order><mark>b </mark></order>"),
    ],
)
def test_a_codec_that_loses_a_blank_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, body: bytes) -> None:
    monkeypatch.setattr(oracle, "PLANTED", True)
    planted = oracle._of_codec(name)
    CHECKS[name](body)

    assert isinstance(Trimming(codecs.CODECS[name]), Trimming)
    with pytest.raises(BrokenPromiseError):
        planted(body)


def test_a_minimiser_that_lets_everything_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import bodies  # noqa: PLC0415  broken here alone

    from gateway import assemble  # noqa: PLC0415
    from gateway.minimise import Minimised  # noqa: PLC0415

    monkeypatch.setattr(bodies, "minimise", lambda _, documents, **_names: Minimised(documents, [], [], []))
    monkeypatch.setattr(assemble, "proved", lambda _bound, _outgoing, _incoming, payload, query: (payload, query))

    with pytest.raises(BrokenPromiseError, match="no line names"):
        CHECKS["json"](b'{"other":"b"}')


def test_the_driver_takes_only_checks_that_there_are() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "fuzz", "--check", "nothing"],
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "invalid choice" in ended.stderr
