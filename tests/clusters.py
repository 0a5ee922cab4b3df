"""PostgreSQL as the tests have it: clusters of their own, made from the installed binaries and thrown away."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from waiting import wait_until

PATIENCE = 60.0
SUPERUSER = "postgres"
# What PostgreSQL calls its three ways to stop: wait for clients, throw them out, and leave as in a crash.
STOPS: Mapping[str, int] = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# Of a test run that is killed nothing else would end the server: it waits for the end of its input, which is the run's.
_SURVIVOR = 'read -r _; kill -QUIT "$0"; sleep 1; rm -rf "$1"'
# Where distributions put what is not on the path.
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, of the newest version; None where there is none."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    for place in _PLACES:
        found += Path("/").glob(place.lstrip("/"))
    whole = [each for each in found if (each / "initdb").exists() and (each / "postgres").exists()]
    return max(whole, key=_version, default=None)


def _version(folder: Path) -> tuple[int, ...]:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in said.split()[2].split(".") if part.isdigit())


@dataclass
class Cluster:
    """A PostgreSQL behind a Unix socket, reached by any role without a password. Everything in it is durable."""

    folder: Path
    binaries: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    _survivor: "subprocess.Popen[bytes] | None" = None
    _names: Iterator[int] = field(default_factory=count)

    def url(self, database: str = "postgres", *, role: str = SUPERUSER) -> str:
        """Where a database is reached; one that `listen_addresses` of the settings opens also has the same port."""
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def create(self) -> None:
        """The files of a new cluster."""
        done = self._run("initdb", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        assert done.wait(PATIENCE) == 0, self.log

    def start(self) -> None:
        """Returns when it takes connections."""
        fixed = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "60"}
        given = [word for name, value in {**fixed, **self.settings}.items() for word in ("-c", f"{name}={value}")]
        self.process = self._run("postgres", *given)
        self._watch(self.process.pid)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self, mode: str = "fast") -> None:
        """Ends it in one of the ways of `STOPS`."""
        if self.process is not None:
            self.process.send_signal(STOPS[mode])
            self.process.wait(PATIENCE)
            self.process = None
            self._watch(None)

    def _watch(self, server: int | None) -> None:
        if self._survivor is not None:
            self._survivor.kill()
            self._survivor.communicate()
            self._survivor = None
        if server is not None:
            words = ["sh", "-c", _SURVIVOR, str(server), str(self.folder)]
            self._survivor = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new, empty database; it is gone after the block."""
        name = f"shop_{next(self._names)}"
        with self.session() as session:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield self.url(name)
        with self.session() as session:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def session(self, database: str = "postgres", *, role: str = SUPERUSER) -> Iterator["psycopg.Connection"]:
        """A connection in which each statement is a transaction of its own."""
        with psycopg.connect(self.url(database, role=role), autocommit=True) as session:
            yield session

    def alter(self, statement: str) -> None:
        """Changes a setting, and returns when every session knows of it: a later one sees it after all before it."""
        before = self._loaded()
        with self.session() as session:
            session.execute(statement.encode())
            session.execute("SELECT pg_reload_conf()")
        wait_until(lambda: self._loaded() != before)

    def _loaded(self) -> object:
        with self.session() as session:
            return session.execute("SELECT pg_conf_load_time()").fetchall()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def _answers(self) -> bool:
        try:
            with self.session():
                return True
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *words: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.binaries / program, "-D", self.folder / "data", *words],
                cwd=self.folder, user=_user(), group=_group(), extra_groups=_groups(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """Another server, which follows it without being waited for."""
    with tempfile.TemporaryDirectory(prefix="gateway-pg-") as folder:
        owned(Path(folder))
        made = Cluster(Path(folder), primary.binaries, primary.settings)
        copying = made._run("pg_basebackup", "-d", primary.url(), "-R", "-X", "stream", "-c", "fast")
        assert copying.wait(PATIENCE) == 0, made.log
        try:
            made.start()
            yield made
        finally:
            made.stop("immediate")


def dumped(found: Path, url: str, into: Path) -> None:
    """A copy of a database as operators make it."""
    words = ("--format=custom", "--schema=ledger", "--schema=keys", "--schema=registry")
    subprocess.run([found / "pg_dump", *words, f"--file={into}", url], check=True, capture_output=True)


def loaded(found: Path, copy: Path, url: str) -> None:
    """Brings a copy back into an empty database."""
    subprocess.run([found / "pg_restore", "--exit-on-error", f"--dbname={url}", copy], check=True, capture_output=True)


@contextmanager
def cluster(found: Path, *, root: str | None = None, **settings: str) -> Iterator[Cluster]:
    """A running cluster with these settings, until the block ends; its folder is in this one."""
    # Not under the folder of the test run: a socket's path is short, and root's folders are closed to others.
    with tempfile.TemporaryDirectory(prefix="gateway-pg-", dir=root) as folder:
        owned(Path(folder))
        made = Cluster(Path(folder), found, settings)
        made.create()
        try:
            made.start()
            yield made
        finally:
            made.stop("immediate")


def owned(path: Path) -> None:
    """Gives a file to whom the server runs as."""
    if (user := _user()) is not None:
        shutil.chown(path, user)


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _group() -> int | None:
    user = _user()
    return pwd.getpwnam(user).pw_gid if user else None


def _groups() -> list[int] | None:
    return [] if _user() else None
