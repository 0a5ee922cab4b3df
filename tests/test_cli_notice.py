"""What vendors are told is opened, listed and answered by commands, with a gateway running or, as here, without."""

import json
from pathlib import Path

import pytest
from clearances import placed
from running import running, write_files
from shop_contracts import FILES
from shop_notices import CLAIM
from typer.testing import CliRunner, Result

from gateway.cli.console import out
from gateway.cli.main import cli
from gateway.errors import StartError
from gateway.rights.notices import NoticeEnded

TO = {"name": "Ann", "city": "Bonn"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which a parcel has left, and nothing runs."""
    with running(tmp_path) as gateway:
        assert gateway.ship(to=TO).status == 200
    write_files(tmp_path / "contracts", placed(FILES))
    monkeypatch.setenv("GATEWAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GATEWAY_CONTRACTS", str(tmp_path / "contracts"))
    monkeypatch.setattr(out, "width", 300)
    return tmp_path


def typed(*words: str) -> Result:
    return CliRunner().invoke(cli, ["notice", *words])


def test_a_vendor_is_told_by_commands_until_it_has_confirmed(folder: Path) -> None:
    opened = json.loads(
        typed("tell", "rectification", "--subject", "c-89", "--category", "person.name", "--json").stdout
    )
    [id_] = [each["id"] for each in opened]
    shown = typed("list", "--open").stdout
    told, confirmed = typed("told", id_).stdout, typed("confirm", id_, "--receipt", "K-1").stdout
    again = typed("excuse", id_, "--reason", "impossible")
    after = json.loads(typed("list", "--subject", "c-89", "--json").stdout)

    assert id_ in shown
    assert "parcels" in shown
    assert "1 notice, 1 of them open" in shown
    assert told == "parcels: rectification is sent\n"
    assert confirmed == "parcels: rectification is confirmed\n"
    assert isinstance(again.exception, NoticeEnded)
    assert [(each["id"], each["state"], each["receipt"]) for each in after] == [(id_, "confirmed", "K-1")]
    assert typed("list", "--open").stdout == "0 notices, 0 of them open\n"


def test_what_went_beside_the_gateway_is_recorded_and_who_is_erased_is_listed_by_commands(folder: Path) -> None:
    write_files(folder / "contracts", {"parcels/claim.yaml": CLAIM})
    who = ("--subject", "c-88", "--role", "consignee", "--happened", "2026-03-02T10:00:00Z")
    earlier = {"vendor": "parcels", "operation": "claim", "people": [{"subject": "c-88", "role": "consignee"}]}
    (folder / "earlier.jsonl").write_text(json.dumps(earlier | {"happened": "2025-03-02T10:00:00Z"}) + "\n")
    (folder / "broken.jsonl").write_text('{"people": "Qz7canary')

    def run(*words: str) -> str:
        return CliRunner().invoke(cli, list(words)).stdout

    one = run("disclosure", "record", "parcels/claim", *who)
    many = run("disclosure", "import", str(folder / "earlier.jsonl"))
    again = run("disclosure", "import", str(folder / "earlier.jsonl"))
    broken = CliRunner().invoke(cli, ["disclosure", "import", str(folder / "broken.jsonl")]).exception
    wrong = json.dumps(earlier | {"happened": "2025-03-04T10:00:00Z", "operation": "ship"})
    (folder / "wrong.jsonl").write_text(f"\n{json.dumps(earlier | {'happened': '2025-03-03T10:00:00Z'})}\n{wrong}\n")
    unfit = CliRunner().invoke(cli, ["disclosure", "import", str(folder / "wrong.jsonl")]).exception
    begun = run("erasure", "begin", "c-88", "--reason", "request")
    listed = json.loads(run("erasure", "list", "--json"))

    assert one.startswith("recorded; entry ")
    assert many == "1 disclosure is recorded, 0 of them were before\n"
    assert again == "1 disclosure is recorded, 1 of them were before\n"
    assert isinstance(broken, StartError)
    assert str(broken) == "line 1 is not a JSON object; nothing was recorded"
    assert isinstance(unfit, StartError)
    assert str(unfit).splitlines() == [
        "line 3: parcels/ship is no operation with `channel: direct`; there are parcels/claim",
        "Nothing was recorded. Mend these lines, and import the file again.",
    ]
    assert "parcels" in begun
    assert begun.endswith("\n1 erasure is under way\n")
    assert [(each["subject"], each["state"], each["waiting"]) for each in listed] == [("c-88", "telling", ["parcels"])]
