"""How commands ask a running gateway; where none runs, they do without one."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import httpx2

from gateway.cli.console import me, unanswered
from gateway.errors import StartError
from gateway.settings import Settings

Ask: TypeAlias = Callable[[str, Any], Any]
"""Asks for a deed by its name, with what it is to be done with, and returns the result. Raises GatewayError."""


_BEGINS = frozenset(("issue", "disclosures"))  # what is done before a gateway is started for the first time


def asked(deed: str, of: Any) -> Any:
    """Asks the running gateway over its control socket; with none running, opens the data folder itself.

    Raises StartError where there is no record, unless the deed begins one.
    """
    with asking(begins=deed in _BEGINS) as ask:
        return ask(deed, of)


def asked_as(token: str, method: str, path: str, of: Any = None) -> Any:
    """Asks the running gateway as whoever a token proves. Raises StartError."""
    settings = Settings()
    control = settings.control
    headers = {"authorization": f"Bearer {token}"}
    with ExitStack() as closing:
        client = _client(control, closing) if control.exists() else None
        if client is None:
            raise unanswered(settings.data)
        return _result(client.request(method, path, json=of, headers=headers))


def stated(members: Mapping[str, Any]) -> dict[str, Any]:
    """Those that somebody typed: an option that is left out asks for nothing."""
    return {name: value for name, value in members.items() if value is not None}


@contextmanager
def asking(*, begins: bool = False) -> Iterator[Ask]:
    """The same for several questions to one gateway."""
    settings = Settings()
    control = settings.control
    with ExitStack() as closing:
        ask = _over(control, closing) if control.exists() else None
        if ask is None and not begins:
            _demand_record(settings)
        yield ask or closing.enter_context(_alone().asking(settings))


@contextmanager
def framed(deed: str, of: Any) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The frames of what comes piece by piece, from a running gateway or, with none running, from the data folder."""
    settings = Settings()
    control = settings.control
    with ExitStack() as closing:
        client = _client(control, closing) if control.exists() else None
        if client is None:
            _demand_record(settings)
        yield _frames_over(client, deed, of) if client else closing.enter_context(_alone().framed(settings, of))


def _demand_record(settings: Settings) -> None:
    """Raises StartError in a folder that no gateway has used: whoever asks there means another one."""
    if not (settings.data / ("ledger.db" if settings.database is None else "root.key")).exists():
        raise StartError(
            f"there is no record in {settings.data.absolute()}: set GATEWAY_DATA to the folder that has it; "
            "where there is none yet, `gateway serve` begins it"
        )


def _alone() -> ModuleType:
    from gateway.cli import alone  # noqa: PLC0415  nothing of it is needed where a gateway runs, and it loads the whole of one

    return alone


def _frames_over(client: httpx2.Client, deed: str, of: Any) -> Iterator[Mapping[str, Any]]:
    with client.stream("POST", f"/{deed}", json=of, headers={"gateway-by": me()}) as response:
        if response.status_code != httpx2.codes.OK:
            response.read()
            _result(response)
        yield from map(json.loads, response.iter_lines())


def _over(control: Path, closing: ExitStack) -> Ask | None:
    """Asks whoever listens; None where nobody does, and then the socket is left from another time."""
    client = _client(control, closing)
    return (
        (lambda deed, of: _result(client.post(f"/{deed}", json=of, headers={"gateway-by": me()}))) if client else None
    )


def _client(control: Path, closing: ExitStack) -> httpx2.Client | None:
    # It speaks no TLS, and would load every authority of the machine first, or end where the environment names none.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx2.HTTPTransport(verify=nobody, uds=str(control))
    client = httpx2.Client(transport=transport, base_url="http://gateway", timeout=60, trust_env=False)
    closing.enter_context(client)
    try:
        client.get("/")
    except httpx2.ConnectError:
        control.unlink(missing_ok=True)
        return None
    return client


def _result(response: httpx2.Response) -> Any:
    document = response.json()
    if response.status_code != httpx2.codes.OK:
        raise StartError(_problem(document))
    return document["result"]


def _problem(document: Mapping[str, Any]) -> str:
    """What went wrong, each failure on its own line, and the way out."""
    first = f"{document.get('code', '')}: {document.get('message', 'it did not work')}"
    more = [f"{each['code']}: {each['detail']}" for each in document.get("errors", [])[1:]]
    return "\n".join([first, *more, *([document["fix"]] if "fix" in document else [])])
