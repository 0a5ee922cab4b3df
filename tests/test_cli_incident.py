"""Incidents from the command line."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from processes import Machine

pytestmark = pytest.mark.slow


def test_an_incident_goes_its_way(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "key.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=False))
    with machine.serving():
        token = machine.typed("token", "issue", "--service", "paula", "--role", "dpo").stdout.strip()

        def typed(*words: str) -> str:
            done = machine.typed("incident", *words, "--token", token)
            assert done.returncode == 0, done.stderr
            return done.stdout

        about = ("--nature", "confidentiality", "--began", "2026-01-05", "--reference", "INC-1")
        opened = json.loads(typed("open", "parcels", *about, "--aware", "2026-01-06T09:30", "--json"))
        in_berlin = json.loads(typed("open", "parcels", *about, "--aware", "2026-10-25T02:30+02:00", "--json"))
        late = machine.typed(
            "incident", "step", opened["incident"], "authority", "--reference", "A 1", "--token", token
        )
        step = typed("step", opened["incident"], "authority", "--reference", "A 1", "--why", "told late")
        affected = typed("affected", opened["incident"])
        mailing = typed("mailing", opened["incident"], "--key", "key.pem")
        listed = typed("list")

    assert opened["authority_due"] == "2026-01-09T09:30:00+00:00"
    # Of an hour that the clocks of a place have twice, the offset says which is meant.
    assert in_berlin["authority_due"] == "2026-10-28T00:30:00+00:00"
    assert "after 72 hours" in late.stderr
    assert "steps: authority 2" in step
    assert "people: 0" in affected
    assert "0 people in" in mailing
    assert (tmp_path / f"{opened['incident']}.jwe").stat().st_mode & 0o777 == 0o600
    assert "(late)" in listed


def test_a_canary_that_is_seen_opens_an_incident(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.serving():
        token = ("--token", machine.typed("token", "issue", "--service", "paula", "--role", "dpo").stdout.strip())
        value = machine.typed("canary", "make", "parcels", "--domain", "shop.example", *token).stdout.strip()
        seen = machine.typed("canary", "seen", "-", *token, stdin=f"To: {value}")
        nothing = machine.typed("canary", "seen", "-", *token, stdin="To: nobody")
        listed = machine.typed("canary", "list", *token).stdout

    assert value.endswith("@shop.example")
    assert seen.stdout.startswith("parcels: incident ")
    assert nothing.returncode == 1
    assert "parcels" in listed
