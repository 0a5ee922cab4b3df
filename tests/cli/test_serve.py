"""The line that says where a gateway listens, which people and programs read."""

import pytest

from gateway import listeners
from gateway.cli.serve import serve


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")])
def test_the_address_can_be_asked_as_it_is_printed(
    host: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_HOST", host)
    monkeypatch.setattr(listeners, "serve", lambda _, ready: ready(8080, 8081))
    monkeypatch.setattr(listeners, "run", lambda _: None)

    serve()

    assert capsys.readouterr().err == f"gateway listens on {url}, operators on port 8081\n"
