"""What the settings name."""

from pathlib import Path

from gateway.configured import environment_of
from gateway.settings import Settings


def settings(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"data": folder / "data", "contracts": folder / "contracts", **given})


def test_with_vendors_on_this_machine_nothing_is_in_earnest(tmp_path: Path) -> None:
    played = settings(tmp_path, sandbox={"parcels": "http://127.0.0.1:9"})

    assert environment_of(played) == "sandbox"
    assert environment_of(settings(tmp_path)) == "live"
    assert environment_of(settings(tmp_path, environment="sandbox")) == "sandbox"
