"""The image is checked by its file: what only an engine can tell is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


class Instruction(NamedTuple):
    word: str
    rest: str


def test_it_is_built_on_a_slim_python_that_is_pinned_and_new_enough() -> None:
    versions = [re.fullmatch(r"python:3\.(\d+)-slim(?: AS \w+)?", rest) for rest in _of(DOCKERFILE, "FROM")]

    assert all(version is not None and int(version[1]) >= 11 for version in versions)


def test_nothing_is_installed_but_what_the_lock_has_by_hash() -> None:
    assert _unlocked(DOCKERFILE) == []


@pytest.mark.parametrize("command", ["pip install stripe", "pip install .", "pip install --no-deps ."])
def test_an_install_past_the_lock_is_noticed(command: str) -> None:
    assert _unlocked(f"{DOCKERFILE}RUN {command}\n") == [command]


def test_what_the_build_needs_is_in_the_lock_too() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")

    assert {"hatchling", "editables"} <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert "--hash=sha256:" in lock


def test_the_process_is_not_root() -> None:
    assert _last(DOCKERFILE, "USER") == "10001"
    assert "useradd --system --uid 10001" in DOCKERFILE


def test_the_health_check_asks_the_gateway_beside_it() -> None:
    assert _last(DOCKERFILE, "HEALTHCHECK").endswith('CMD ["python", "-I", "-m", "gateway.health"]')
    assert "GATEWAY_OPERATORS" not in DOCKERFILE


def test_only_the_volume_is_written_to() -> None:
    assert _last(DOCKERFILE, "VOLUME") == "/data"
    assert "GATEWAY_DATA=/data" in DOCKERFILE
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE


def test_authorities_that_vendors_are_checked_by_are_in_the_image() -> None:
    assert "ca-certificates" in DOCKERFILE


def test_everything_that_is_copied_in_exists_and_is_let_through() -> None:
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    copied = [name for rest in _of(DOCKERFILE, "COPY") if "--from" not in rest for name in rest.split()[:-1]]

    assert set(copied) == set(allowed)
    assert all((ROOT / name).exists() for name in copied)


def _instructions(text: str) -> Iterator[Instruction]:
    without_comments = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for line in without_comments.replace("\\\n", "").splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield Instruction(word, " ".join(rest.split()))


def _of(text: str, word: str) -> list[str]:
    return [each.rest for each in _instructions(text) if each.word == word]


def _last(text: str, word: str) -> str:
    return _of(text, word)[-1]


def _unlocked(text: str) -> list[str]:
    """Every command that installs something whose hash nobody has checked."""
    commands = [command.strip() for rest in _of(text, "RUN") for command in rest.split("&&")]
    installs = [command for command in commands if re.search(r"\bpip install\b", command)]
    return [each for each in installs if not _is_locked(each)]


def _is_locked(install: str) -> bool:
    options = set(install.split())
    from_lock = {"--require-hashes", "-r", "requirements.lock"} <= options
    return from_lock or {"--no-deps", "--no-build-isolation", "."} <= options
