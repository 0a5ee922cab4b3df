"""Where things stand: tests beside what they test, and outside libraries behind their doors."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

# Modules whose promises are kept only together with others, and the tests that would fail without them.
TOGETHER: Mapping[str, str] = {
    # What may be asked is what the desk does or refuses.
    "asked": "test_desk.py",
    # Cases are what staff make of them.
    "oversight/affected": "oversight/test_incidents.py",
    "exceptional/asked": "exceptional/test_checks.py",
    "exceptional/case": "exceptional/test_office.py",
    "exceptional/intent": "exceptional/test_office.py",
    "due": "exceptional/test_office.py",
    "registry/cases": "exceptional/test_office.py",
    "registry/guests": "rights/test_consignees.py",
    "ledger/steps": "ledger/test_leaf.py",
    "vocabulary/china": "oversight/test_agenda.py",
    "vocabulary/exceptional": "exceptional/test_checks.py",
    "vocabulary/incidents": "oversight/test_incidents.py",
    # The words of a contract are what the loader takes and refuses.
    "contract/attesting": "oversight/test_agenda.py",
    "contract/check_grounds": "contract/test_check.py",
    "contract/check_oauth": "test_signin.py",
    "contract/check_set": "contract/test_check.py",
    "contract/hooks": "test_hooks.py",
    "signing/hooks": "test_hooks.py",
    "contract/model": "contract/test_load.py",
    "contract/papers": "contract/test_check_papers.py",
    "contract/words": "contract/test_load.py",
    # A decision is asked for as a whole.
    "clearance/bases": "test_clearance_consent.py",
    "clearance/consents": "test_clearance_consent.py",
    "clearance/decide": "test_clearance.py",
    "clearance/question": "test_clearance.py",
    # What a report shows is what a real gateway has sent.
    "exceptional/said": "report/test_cases.py",
    "report/activities": "report/test_making.py",
    "report/demands": "report/test_cases.py",
    "report/looks": "report/test_making.py",
    "report/oversight": "report/test_making.py",
    "report/policies": "report/test_making.py",
    "report/registers": "report/test_making.py",
    "report/requests": "report/test_cases.py",
    "report/seen": "report/test_making.py",
    "report/wanted": "report/test_making.py",
    # Leaves are held to committed vectors, byte for byte.
    "rights/labels": "rights/test_rights_consents.py",
    "vocabulary/wording": "test_vocabulary_labels.py",
    "ledger/canonical": "ledger/test_leaf.py",
    "ledger/entry": "ledger/test_leaf.py",
    "ledger/tree": "ledger/test_merkle_tree.py",
    # Stores are opened, and closed in good order, by whoever serves.
    "stores": "test_listeners.py",
    # Endpoints are asked over a socket.
    "api/deeds": "test_cli.py",
    "api/endpoint": "api/test_apps.py",
    "api/offices": "api/test_roles.py",
    "api/record": "api/test_apps.py",
    # Commands are typed, each in a process of its own.
    "cli/main": "test_cli.py",
    "cli/alone": "test_cli.py",
    "cli/asking": "test_cli.py",
    "cli/backup": "test_backup.py",
    "cli/contract": "test_cli.py",
    "cli/database": "test_migrate.py",
    "cli/deadlines": "test_cli.py",
    "cli/demo": "demo/test_run.py",
    "cli/health": "test_cli.py",
    "cli/rehearse": "test_cli.py",
    "cli/scrub": "test_cli.py",
    "cli/token": "test_cli.py",
    "cli/ledger": "test_cli.py",
    "cli/forecast": "test_forecast.py",
    "cli/waiver": "test_waivers.py",
    "cli/policy": "test_policies.py",
    "clearance/policies": "test_clearance_consent.py",
    "registry/policies": "test_policies.py",
    "registry/migrations/versions/r0012_policies": "registry/test_schema.py",
    "registry/migrations/versions/r0013_attestations": "registry/test_schema.py",
    "registry/migrations/versions/r0015_sub_processors": "registry/test_schema.py",
    "registry/migrations/versions/r0014_claims": "registry/test_schema.py",
    "registry/migrations/versions/r0016_bulk_looks": "registry/test_schema.py",
    # What is durable, sealed and settled shows on a whole ledger, in every way that its store can fail.
    "ledger/copies": "test_backup.py",
    "registry/copies": "test_backup.py",
    "ledger/attic": "ledger/test_sweep.py",
    "ledger/sqlite_attic": "ledger/test_sweep.py",
    "ledger/database": "ledger/test_ledger_store.py",
    "ledger/housekeeping": "ledger/test_ledger.py",
    "ledger/keeping": "ledger/test_leaf.py",
    "ledger/refused": "ledger/test_leaf.py",
    "ledger/lease": "ledger/test_postgres.py",
    "ledger/migrate": "test_migrate.py",
    "registry/moving": "test_migrate.py",
    "registry/keys": "registry/test_registry.py",
    "registry/lookups": "registry/test_rows.py",
    "registry/tables": "registry/test_schema.py",
    "ledger/postgres_append": "ledger/test_stores.py",
    "ledger/postgres_blinding": "ledger/test_blinding.py",
    "ledger/sqlite_blinding": "ledger/test_blinding.py",
    "ledger/residue": "ledger/test_ledger_vault.py",
    "ledger/holds": "ledger/test_erasing.py",
    "ledger/sqlite_oblivion": "ledger/test_oblivion.py",
    "ledger/postgres_oblivion": "ledger/test_oblivion.py",
    "ledger/postgres_attic": "ledger/test_stores.py",
    "ledger/postgres_readers": "ledger/test_postgres.py",
    "ledger/postgres_purge": "ledger/test_stores.py",
    "ledger/postgres_schema": "ledger/test_postgres.py",
    "ledger/postgres_vault": "ledger/test_ledger_vault.py",
    "ledger/scribe": "ledger/test_ledger.py",
    "ledger/sealing": "ledger/test_ledger.py",
    "ledger/aftercare": "ledger/test_postgres.py",
    "ledger/signed": "ledger/test_notary.py",
    "ledger/search": "ledger/test_stores.py",
    "ledger/session": "ledger/test_postgres.py",
    "ledger/stored": "ledger/test_archive.py",
    "ledger/subject_key": "ledger/test_ledger_keys.py",
    "ledger/sqlite": "ledger/test_ledger_store.py",
    "ledger/sqlite_vault": "ledger/test_ledger_vault.py",
    "ledger/unready": "ledger/test_ledger.py",
    "ledger/writer": "ledger/test_ledger.py",
    # Revisions are run, each from every earlier one.
    "registry/migrations/versions/r0007_notices": "registry/test_schema.py",
    "registry/migrations/env": "registry/test_schema.py",
    "registry/migrations/versions/r0001_facts": "registry/test_schema.py",
    "registry/migrations/versions/r0002_changes": "registry/test_schema.py",
    "registry/migrations/versions/r0003_pending": "registry/test_schema.py",
    "registry/migrations/versions/r0004_consents": "registry/test_schema.py",
    "registry/migrations/versions/r0010_imports": "registry/test_schema.py",
    "registry/migrations/versions/r0011_waivers": "registry/test_schema.py",
    "registry/granted": "test_bulk_looks.py",
    "granting": "test_bulk_looks.py",
    "cli/bulk_look": "test_bulk_looks.py",
    "registry/migrations/versions/r0005_people": "registry/test_schema.py",
    "registry/migrations/versions/r0006_requests": "registry/test_schema.py",
    "registry/migrations/versions/r0008_cases": "registry/test_schema.py",
    # What is refused today is a note of the check that a contract is read with.
    "outlook": "test_explain.py",
    # A mail is what a notice leaves behind.
    "outbound/mail": "rights/test_delivery.py",
    # What vendors are told is asked for, put in rows and looked at through one door.
    "registry/notices": "rights/test_rights_notices.py",
    "vocabulary/notices": "rights/test_rights_notices.py",
    "registry/migrations/versions/r0009_papers": "registry/test_schema.py",
    # The closed lists refer to one another, and a second hand has written them all down.
    "vocabulary/allowance": "test_vocabulary.py",
    "vocabulary/categories": "test_vocabulary.py",
    "vocabulary/consents": "registry/test_entered.py",
    "vocabulary/places": "test_vocabulary.py",
    "vocabulary/roles": "test_identity.py",
    "vocabulary/purposes": "test_vocabulary.py",
    "vocabulary/terms": "test_vocabulary.py",
    "vocabulary/waivable": "test_waivers.py",
    "vocabulary/vendors": "test_vocabulary.py",
}


def test_every_module_has_its_tests() -> None:
    assert _untested(ROOT, TOGETHER) == []


def test_a_module_without_tests_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "gateway" / "body").mkdir(parents=True)
    (tmp_path / "gateway" / "body" / "xml.py").write_text("A = 1\n")

    assert _untested(tmp_path, {}) == ["gateway/body/xml.py"]
    assert _untested(tmp_path, {"body/xml": "body/test_codecs.py"}) == ["gateway/body/xml.py"]


def test_no_exception_outlives_its_reason() -> None:
    for module, tests in TOGETHER.items():
        assert (ROOT / "gateway" / f"{module}.py").is_file()
        assert (ROOT / "tests" / tests).is_file()
        assert not any((ROOT / "tests" / name).is_file() for name in _names(Path(f"{module}.py")))


def test_every_outside_library_has_its_doors() -> None:
    imported = {name for file in _modules(ROOT) for name in _imported(file)} - sys.stdlib_module_names - {"gateway"}

    assert imported <= {name for contract in _contracts() for name in contract.get("protected_modules", ())}


def test_every_part_stands_on_the_map_once() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("## The parts")[2].partition("\n\nFour rules")[0]

    named = [name for row in table.splitlines() for name in re.findall(r"`([a-z_]+)`", row.partition(" | ")[0])]

    parts = {path.stem for path in (ROOT / "gateway").iterdir() if not path.name.startswith("__")}
    assert sorted(named) == sorted(parts)


def test_a_ledger_that_sees_values_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, imported in (("paths.py", "gateway.scrub"), ("ledger/tree.py", "gateway.forms")):
        file = tmp_path / "gateway" / module
        file.write_text(f"{file.read_text('utf-8')}\nimport {imported}\n", "utf-8")

    found = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 1
    assert "gateway.ledger.tree -> gateway.forms" in found.stdout
    assert "gateway.paths -> gateway.scrub" in found.stdout


def _contracts() -> list[dict[str, list[str]]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, list[str]]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _untested(root: Path, together: Mapping[str, str]) -> list[str]:
    untested = []
    for file in _modules(root):
        module = file.relative_to(root / "gateway")
        names = [*_names(module), *([together[key]] if (key := module.with_suffix("").as_posix()) in together else [])]
        if not any((root / "tests" / name).is_file() for name in names):
            untested.append(file.relative_to(root).as_posix())
    return untested


def _modules(root: Path) -> Iterator[Path]:
    """Every module that does something: the first file of a package only says what lives there."""
    for file in sorted((root / "gateway").rglob("*.py")):
        if file.stem not in ("__init__", "__main__"):
            yield file


def _names(module: Path) -> list[str]:
    """`x/y.py` is tested by `x/test_y.py`; where two folders have a `y`, by `x/test_x_y.py` or `test_x_y.py`."""
    folder, name = module.parent, module.stem
    several = "_".join([*folder.parts, name])
    return [(folder / f"test_{name}.py").as_posix(), (folder / f"test_{several}.py").as_posix(), f"test_{several}.py"]


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.partition(".")[0]


def possessive(pattern: str, flags: int) -> bool:
    """Whether a group that can be matched in several ways is repeated possessively."""
    parser: Any = re._parser
    waiting = [parser.parse(pattern, flags)]
    while waiting:
        for operation, argument in waiting.pop():
            parts = argument if isinstance(argument, tuple) else (argument,)
            inner = [part for part in parts if isinstance(part, parser.SubPattern)]
            inner += [each for part in parts if isinstance(part, list) for each in part if hasattr(each, "getwidth")]
            if str(operation) == "POSSESSIVE_REPEAT" and len(inner[0]) + len(set(inner[0].getwidth())) > 2:
                return True
            waiting += inner
    return False


def test_no_pattern_is_read_otherwise_by_an_older_python() -> None:
    """Python 3.11.0 to 3.11.4 match a possessive group wrongly (CPython issue 106052)."""
    modules = [
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        if path.name not in ("__main__.py", "env.py") and "versions" not in path.parts
    ]
    patterns = {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }

    assert len(patterns) > 100
    found = [name for name, value in patterns.items() if possessive(as_text(value.pattern), value.flags)]
    assert found == []


def as_text(pattern: str | bytes) -> str:
    return pattern if isinstance(pattern, str) else pattern.decode("latin-1")


@pytest.mark.parametrize(
    ("pattern", "is_possessive"),
    [("(?:a|bc)*+", True), ("x(?:(?:ab?)++y)", True), ("[ab]*+c++", False), ("(?>(?:a|bc)*)", False)],
)
def test_a_possessive_group_is_noticed(pattern: str, is_possessive: bool) -> None:
    assert possessive(pattern, 0) is is_possessive
