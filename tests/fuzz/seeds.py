"""Where the fuzzer begins: bodies of every kind, and those that once broke something."""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

from positions_bodies import CODECS as KINDS
from positions_bodies import Codec

FOUND = Path(__file__).parent / "found"
"""Each file is an input that broke a promise, in a folder named like its check; a test runs them all."""


def seeds() -> Mapping[str, list[bytes]]:
    """For each check the bodies it begins with."""
    made = {name: [*_bodies(kind), *found(name)] for name, kind in KINDS.items() if kind.media}
    return made | {"coding": [b"a" * 100, gzip.compress(b"a" * 100), *found("coding")]}


def _bodies(kind: Codec) -> Iterator[bytes]:
    yield kind.plain
    for body in kind.bodies():
        yield body.planted
        if body.twin is not None:
            yield body.twin


def found(name: str) -> list[bytes]:
    folder = FOUND / name
    return [file.read_bytes() for file in sorted(folder.iterdir())] if folder.is_dir() else []
