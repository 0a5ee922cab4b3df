"""The gateway as whoever types its commands meets it: processes with a folder of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clearances import placed
from running import write_files
from shop_contracts import FILES, SECRETS

PATIENCE = 60.0


@dataclass
class Machine:
    """A folder with contracts, secrets and data, and the commands that are typed in it."""

    folder: Path
    files: Mapping[str, str] = field(default_factory=lambda: placed(FILES))
    settings: Mapping[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        write_files(self.folder / "contracts", self.files)
        write_files(self.folder / "secrets", SECRETS)

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "DATA": "data",
            "SECRETS": "secrets",
            "PORT": "0",
            "OPERATORS_PORT": "0",
            "INTENT_DEADLINE": "20",
            "DISK_BALLAST": "0",
            **self.settings,
        }
        inherited = os.environ  # noqa: TID251  what a shell hands on
        rest = {name: value for name, value in inherited.items() if not name.startswith("GATEWAY_")}
        return rest | {f"GATEWAY_{name}": value for name, value in own.items()} | {"COLUMNS": "200", **self.variables}

    def typed(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command that has ended."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            cwd=self.folder, env=self.environment, input=stdin, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    def asked(self, *words: str, stdin: str = "") -> Any:
        """What a command that ends well prints for machines."""
        done = self.typed(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def listed(self, *words: str) -> list[dict[str, Any]]:
        """The entries of a page of the record."""
        page: dict[str, Any] = self.asked("ledger", "list", *words)
        return list(page["entries"])

    @contextmanager
    def serving(self, *program: str) -> Iterator["Serving"]:
        """`gateway serve` from when it listens, or another program that is one; it is told to stop in the end."""
        process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "gateway")), "serve"],
            cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            ports = re.search(r"http://127\.0\.0\.1:(\d+), operators on port (\d+)(?:, people on port (\d+))?", line)
            assert ports, line + process.stderr.read()
            yield Serving(process, int(ports[1]), int(ports[2]), int(ports[3] or 0))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
            if process.stderr is not None:
                process.stderr.close()


@dataclass(frozen=True)
class Serving:
    process: subprocess.Popen[str]
    port: int
    operators_port: int
    privacy_port: int

    def stopped(self) -> int:
        """Its exit status, after it was told to stop."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)
