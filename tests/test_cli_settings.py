"""What the settings say is told with the rule behind it."""

import json

import pytest
from typer.testing import CliRunner

from gateway.cli.main import cli
from gateway.errors import StartError
from gateway.vocabulary import LEVELS


def test_each_ground_that_no_law_demands_is_explained_with_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LEVELS", '{"vendor.review_overdue": "refuse"}')
    monkeypatch.setenv("COLUMNS", "300")

    done = CliRunner().invoke(cli, ["settings", "explain", "--json"])
    [shown] = [
        each for each in CliRunner().invoke(cli, ["settings", "explain"]).stdout.splitlines() if "review" in each
    ]

    levels = {each["code"]: each for each in json.loads(done.stdout)["levels"]}
    assert levels.keys() == LEVELS.keys()
    assert levels["vendor.review_overdue"]["level"] == "refuse"
    assert levels["vendor.review_overdue"]["default"] == "warn"
    assert all(each["rule"] == LEVELS[code].rule for code, each in levels.items())
    assert shown.split()[:3] == ["vendor.review_overdue", "refuse", "warn"]


def test_a_level_for_what_a_law_demands_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LEVELS", '{"consent.missing": "off"}')

    done = CliRunner().invoke(cli, ["settings", "explain"])

    assert isinstance(done.exception, StartError)
    assert "consent.missing" in str(done.exception)
