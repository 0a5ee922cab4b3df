"""The PostgreSQL of the tests is a real one, and where it is missing that is seen."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from clusters import Cluster, cluster
from waiting import wait_until

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

ASKS = "def test_it(database):\n    assert database\n"


def test_a_database_is_new_and_durable(postgres: Cluster, database: str) -> None:
    with psycopg.connect(database) as session:
        tables = session.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchone()
        settings = session.execute("SELECT current_setting('fsync'), current_setting('server_encoding')").fetchone()

    assert tables == (0,)
    assert settings == ("on", "UTF8")


def test_a_cluster_that_crashed_has_what_it_acknowledged(postgres: Cluster) -> None:
    with cluster(postgres.binaries) as own:
        with own.session() as session:
            session.execute("CREATE TABLE kept AS SELECT 1 AS one")
        own.stop("immediate")
        own.start()
        with own.session() as session:
            kept = session.execute("SELECT one FROM kept").fetchall()

    assert kept == [(1,)]
    assert own.process is None
    assert not own.folder.exists()


def test_a_cluster_ends_with_the_test_run_even_where_that_is_killed(postgres: Cluster) -> None:
    program = "import sys, clusters\nwith clusters.cluster(clusters.binaries()) as own:\n"
    program += "    print(own.folder, own.process.pid, flush=True)\n    sys.stdin.read()"
    words = [sys.executable, "-c", program]
    folders = {"PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(words, env=folders, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder, server = run.stdout.readline().split()
        assert Path(f"/proc/{server}/cmdline").read_bytes() != b""

        run.kill()

        wait_until(lambda: not Path(folder).exists())
    assert not Path(f"/proc/{server}/cmdline").exists() or Path(f"/proc/{server}/cmdline").read_bytes() == b""


@pytest.mark.parametrize(("required", "outcome"), [("shared", "skipped"), ("shared,postgres", "errors")])
def test_a_postgresql_that_is_missing_is_seen(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, required: str, outcome: str
) -> None:
    here = Path(__file__).parent
    pytester.makepyfile(ASKS)
    pytester.makeconftest(
        "import conftest_here\nfrom conftest_here import database, postgres\nconftest_here.binaries = lambda: None\n"
    )
    (pytester.path / "conftest_here.py").write_text((here / "conftest.py").read_text("utf-8"), "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (here, here / "ledger", here.parent, pytester.path))))
    monkeypatch.setenv("GATEWAY_REQUIRE", required)

    done = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")

    done.assert_outcomes(**{outcome: 1})
