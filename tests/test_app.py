"""What is put on record about contracts and policy when a gateway starts, and what it does not start with."""

import re
from pathlib import Path

import pytest
from running import running, write_files
from shop_contracts import FILES

from gateway.configured import contracts_of
from gateway.errors import StartError
from gateway.settings import Settings

# No vendor is called here, so their ports may stay the same from start to start.
STEADY = {name: re.sub("@[a-z]+@", "443", text) for name, text in FILES.items()}
EARLIER = """\
  - version: "0"
    published: 2020-01-01T00:00:00+01:00
    document: sha256:1111111111111111111111111111111111111111111111111111111111111111
    purposes: [delivery]
    vendor_kinds: [logistics]
"""


def test_a_policy_is_put_on_record_once_however_often_the_gateway_starts(tmp_path: Path) -> None:
    files = STEADY | {"policy.yaml": STEADY["policy.yaml"].rstrip("\n") + f"\n{EARLIER}"}

    for _ in range(2):
        with running(tmp_path, files=files, facts=()) as gateway:
            recorded = gateway.record(kind="policy")

    assert [entry["version"] for entry in recorded] == ["1"]


def test_each_contract_is_put_on_record_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    changed = {name: text.replace("version: 1\n", "version: 2\n") for name, text in STEADY.items()}

    for files in (STEADY, STEADY, changed):
        with running(tmp_path, files=files, facts=()) as gateway:
            recorded = gateway.record(kind="contract", operation="ship")

    assert [entry["version"] for entry in recorded] == ["2", "1"]


def test_a_sandbox_for_a_host_that_no_vendor_has_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(contracts=_contracts(tmp_path), sandbox={"api.parcels.test": "http://127.0.0.1:9100"})

    with pytest.raises(StartError, match=r"no vendor has api\.parcels\.test under `hosts`; there are .*parcels"):
        contracts_of(settings)


def test_a_sandbox_leads_to_the_hosts_that_it_names(tmp_path: Path) -> None:
    settings = Settings(contracts=_contracts(tmp_path), sandbox={"parcels": "http://127.0.0.1:9100"})

    urls = {terms.host.url for terms in contracts_of(settings).terms if terms.host.name == "parcels"}

    assert urls == {"http://127.0.0.1:9100"}


def _contracts(folder: Path) -> Path:
    write_files(folder, STEADY)
    return folder
