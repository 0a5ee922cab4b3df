from pathlib import Path

import pytest

from gateway.demo.processes import staged
from gateway.errors import StartError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

CONTRACTS = Path(__file__).parents[2] / "contracts"
CALL = b'{"order":"A-10045","to":{"name":"Ann","street":"Weg 1","city":"Kiel","postal_code":"24103"}}'


def test_gateway_and_vendors_run_until_the_block_ends(tmp_path: Path) -> None:
    with staged(CONTRACTS, tmp_path) as stage:
        refused = stage.gateway.client.post(stage.gateway.url + "/nobody/at/all")
        running = stage.gateway.process

        assert refused.status_code == 403
        assert running.is_alive
        assert stage.vendors.received(0) == []

    assert not running.is_alive


def test_the_surroundings_may_name_certificates_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere"))

    with staged(CONTRACTS, tmp_path) as stage:
        assert stage.gateway.token("checkout")


def test_a_gateway_makes_way_for_what_already_listens_on_its_port(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()

    with staged(CONTRACTS, tmp_path / "1") as first:
        port = int(first.gateway.url.rpartition(":")[2])
        with staged(CONTRACTS, tmp_path / "2", port=port) as second:
            assert second.gateway.url != first.gateway.url
    with staged(CONTRACTS, tmp_path / "2", port=port) as alone:
        assert alone.gateway.url == first.gateway.url


def test_entries_outlive_a_gateway_that_is_killed(tmp_path: Path) -> None:
    with staged(CONTRACTS, tmp_path) as stage:
        gateway = stage.gateway
        headers = {"gateway-token": gateway.token("fulfilment"), "content-type": "application/json"}
        gateway.client.post(gateway.url + "/elbkurier/labels", headers=headers, content=CALL)
        refusal = gateway.last_refusal()
        gateway.process.kill()

        written = gateway.written()

    assert refusal is not None
    assert refusal["code"] == "agreement.expired"
    assert refusal in written


@pytest.mark.parametrize(
    ("behaviour", "status", "sent"), [("drop", 504, "possibly"), ("decline", 402, "yes"), ("answer", 200, "yes")]
)
def test_what_a_played_vendor_is_told_to_do_reaches_the_caller(
    tmp_path: Path, behaviour: str, status: int, sent: str
) -> None:
    with staged(CONTRACTS, tmp_path) as stage:
        stage.vendors.tell("faultline", behaviour)
        headers = {"gateway-token": stage.gateway.token("shop-web"), "content-type": "application/json"}
        url = f"{stage.gateway.url}/faultline/api/any/events"

        response = stage.gateway.client.post(url, headers=headers, content=b'{"event_id":"9f2c"}')

    assert (response.status_code, response.headers["gateway-sent"]) == (status, sent)


def test_a_disclosure_that_never_was_has_no_entry(tmp_path: Path) -> None:
    with staged(CONTRACTS, tmp_path) as stage:
        assert stage.gateway.entry_of("0" * 32, within=0.1) is None


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"`gateway vendors` ended at once"), staged(tmp_path, tmp_path):
        pass
