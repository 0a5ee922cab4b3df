"""`python -m fuzz`: runs every check for a while, and tells how much was tried and what was found.

With `FUZZ_CANARY=1` a bug is planted in every codec, and each run has to find it.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from fuzz.seeds import seeds

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".fuzz"
VENV = WORK / "venv"
LOCK = Path(__file__).parent / "requirements.lock"

# What chance alone puts where it matters, such as at the end of a text, once in millions of bodies.
_SIGNS = (b" ",)
_CORPUS = re.compile(r"#(\d+)\s.*\bcorp: (\d+)")
_PLANTED = os.environ.get("FUZZ_CANARY") == "1"  # noqa: TID251  of the fuzzer, not of the gateway


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one check: how often it ran, how many inputs lead to places of their own, and what broke."""

    name: str
    executions: int
    corpus: int
    broke: str = ""

    @property
    def is_good(self) -> bool:
        return bool(self.broke) is _PLANTED and self.executions > 0

    def __str__(self) -> str:
        said = f"BROKE: {self.broke}" if self.broke else "nothing broke"
        wanted = "" if self.is_good else "   <- the planted bug was not found" if _PLANTED else "   <- a find"
        return f"{self.name:16} {self.executions:>10,} executions  {self.corpus:>6,} in the corpus  {said}{wanted}"


def main() -> int:
    """0 if no promise broke, or, with a bug planted, if every run found it; 1 otherwise."""
    arguments = _parser().parse_args()
    _install()
    runs = [_run(name, arguments.seconds) for name in arguments.check or seeds()]
    return 0 if all(run.is_good for run in runs) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="for each check (default: 30)")
    parser.add_argument("--check", action="append", choices=seeds(), help="only this one; may be given several times")
    return parser


def _install() -> None:
    """Fills a virtual environment with the fuzzer and what the gateway needs, once for each state of the lock."""
    done, state = VENV / "done", hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if done.exists() and done.read_text() == state:
        return
    venv.create(VENV, clear=True, with_pip=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    done.write_text(state)


def _run(name: str, seconds: int) -> Run:
    corpus = WORK / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        scratch = Path(folder)
        given = _given(scratch, name)
        # A bug that is planted must not end up in what later runs begin with.
        grown = scratch / "grown" if _PLANTED else corpus
        grown.mkdir(exist_ok=True)
        options = ["-max_len=4096", f"-max_total_time={seconds}", "-timeout=10", f"-artifact_prefix={scratch}/"]
        options.append(f"-dict={_dictionary(scratch)}")
        command = [str(VENV / "bin" / "python"), "-m", "fuzz.target", name, *options, str(grown), str(given)]
        env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": os.defpath} | (
            {"FUZZ_CANARY": "1"} if _PLANTED else {}
        )
        ended = subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
        )
        run = _read(name, ended)
        if run.broke and not _PLANTED:
            run = _kept(run, scratch)
    sys.stdout.write(f"{run}\n")
    sys.stdout.flush()
    return run


def _given(scratch: Path, name: str) -> Path:
    folder = scratch / "seeds"
    folder.mkdir()
    for number, body in enumerate(seeds()[name]):
        (folder / str(number)).write_bytes(body)
    return folder


def _dictionary(scratch: Path) -> Path:
    file = scratch / "signs.dict"
    quoted = ("".join(f"\\x{octet:02x}" for octet in sign) for sign in _SIGNS)
    file.write_text("".join(f'"{sign}"\n' for sign in quoted))
    return file


def _read(name: str, ended: subprocess.CompletedProcess[str]) -> Run:
    found = _CORPUS.findall(ended.stderr)
    executions, corpus = (int(number) for number in found[-1]) if found else (0, 0)
    if ended.returncode == 0:
        return Run(name, executions, corpus)
    lines = [
        line.strip()
        for line in (ended.stdout + ended.stderr).splitlines()
        if re.match(r"\s*[\w.]*(?:Error|Refusal)\b", line)
    ]
    # What breaks on a body that it begins with has run, though nothing was counted yet.
    return Run(name, max(1, executions), corpus, lines[-1] if lines else f"it ended with status {ended.returncode}")


def _kept(run: Run, scratch: Path) -> Run:
    """Keeps the input, so that it can become a regression test."""
    for file in [*scratch.glob("crash-*"), *scratch.glob("timeout-*"), *scratch.glob("oom-*")]:
        shutil.copy(file, WORK / f"{run.name}-{file.name}")
        return Run(run.name, run.executions, run.corpus, f"{run.broke} (the input is in .fuzz/{run.name}-{file.name})")
    return run


if __name__ == "__main__":
    sys.exit(main())
