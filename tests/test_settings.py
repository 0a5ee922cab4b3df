"""What the process is told from outside, or does not start with."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.errors import StartError
from gateway.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_DATA", "GATEWAY_PORT", "GATEWAY_SANDBOX", "GATEWAY_ENVIRONMENT", "PARCELS_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_word_it_is_in_earnest_on_this_machine_only() -> None:
    settings = Settings()

    assert (settings.environment, settings.host, settings.operators_host) == ("live", "127.0.0.1", "127.0.0.1")
    assert settings.sandbox == {}


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "9090")
    monkeypatch.setenv("GATEWAY_SANDBOX", '{"parcels": "http://127.0.0.1:4000/"}')

    settings = Settings()

    assert settings.port == 9090
    assert settings.sandbox == {"parcels": "http://127.0.0.1:4000"}


WRONG: dict[str, dict[str, Any]] = {
    "a sandbox on another machine": {"sandbox": {"parcels": "http://192.0.2.1:4000"}},
    "a sandbox that looks like this machine": {"sandbox": {"parcels": "http://127.0.0.1.evil.test:4000"}},
    "a sandbox without a port": {"sandbox": {"parcels": "http://127.0.0.1"}},
    "a sandbox over TLS": {"sandbox": {"parcels": "https://127.0.0.1:4000"}},
    "a port that does not exist": {"port": 65536},
    "no time at all": {"intent_deadline": 0},
    "an environment that does not exist": {"environment": "test"},
    "no calls at all": {"in_flight": 0},
    "a word that nobody knows": {"prot": 1},
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**given)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("GATEWAY_LEVLES", "GATEWAY_LEVELS"), ("GATEWAY_OPERATOR_PORT", "GATEWAY_OPERATORS_PORT")],
)
def test_a_variable_that_is_nearly_a_setting_is_refused(
    written: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(written, "geheim")

    with pytest.raises(ValidationError, match=f"there is no {written}; write {meant}") as refused:
        Settings()

    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("name", ["GATEWAY_TOKEN", "GATEWAY_REQUIRE", "GATEWAY_URL", "GATEWAY_VERSION"])
def test_variables_of_others_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")

    assert Settings().environment == "live"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_a_secret_is_a_variable_or_a_file_and_the_variable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "PARCELS_KEY").write_text("from the file\n", "utf-8")
    settings = Settings(secrets=tmp_path)

    file = settings.secret("PARCELS_KEY")
    monkeypatch.setenv("PARCELS_KEY", "from the environment")
    variable = settings.secret("PARCELS_KEY")

    assert (file, variable) == ("from the file", "from the environment")
    assert settings.secret("PAYMENTS_KEY") is None
    assert Settings().secret("PAYMENTS_KEY") is None


def test_space_around_a_secret_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARCELS_KEY", " from a file \n")
    monkeypatch.setenv("PAYMENTS_KEY", "\n")

    assert Settings().secret("PARCELS_KEY") == "from a file"
    assert Settings().secret("PAYMENTS_KEY") is None


def test_a_secret_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "PARCELS_KEY").write_bytes(b"\xff\xfe")

    with pytest.raises(StartError, match="PARCELS_KEY is not UTF-8 text"):
        Settings(secrets=tmp_path).secret("PARCELS_KEY")


def test_no_secret_shows_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "PARCELS_KEY").write_text("Qz7canary", "utf-8")
    settings = Settings(secrets=tmp_path)

    settings.secret("PARCELS_KEY")

    assert "Qz7canary" not in repr(settings)
