"""How commands ask a running gateway, and show what it says."""

import json
import os
import pwd
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import httpx2
import typer
from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table

from gateway import listeners
from gateway.api import deeds_of
from gateway.clock import utc
from gateway.configured import contracts_of, first_entity
from gateway.contract.load import ContractSet
from gateway.errors import StartError
from gateway.report.making import Reports
from gateway.settings import Settings
from gateway.stores import opened, with_entered
from gateway.vocabulary import Role

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Ask: TypeAlias = Callable[[str, Any], Any]
"""Asks for a deed by its name, with what it is to be done with, and returns the result. Raises GatewayError."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def table(*columns: str, title: str | None = None) -> Table:
    """A table in which no word is cut short, however narrow the terminal is."""
    made = Table(title=title, box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def asked(deed: str, of: Any) -> Any:
    """Asks the running gateway over its control socket; with none running, opens the data folder itself."""
    with asking() as ask:
        return ask(deed, of)


def asked_as(token: str, method: str, path: str, of: Any = None) -> Any:
    """Asks the running gateway as whoever a token proves. Raises StartError."""
    control = Settings().data / listeners.CONTROL
    headers = {"authorization": f"Bearer {token}"}
    with ExitStack() as closing:
        client = _client(control, closing) if control.exists() else None
        if client is None:
            raise StartError("no gateway is running with this data folder")
        return _result(client.request(method, path, json=of, headers=headers))


@contextmanager
def asking() -> Iterator[Ask]:
    """The same for several questions to one gateway."""
    settings = Settings()
    control = settings.data / listeners.CONTROL
    with ExitStack() as closing:
        ask = _over(control, closing) if control.exists() else None
        yield ask or closing.enter_context(_alone(settings))


@contextmanager
def framed(deed: str, of: Any) -> Iterator[Iterator[Mapping[str, Any]]]:
    """The frames of what comes piece by piece, from a running gateway or, with none running, from the data folder."""
    settings = Settings()
    control = settings.data / listeners.CONTROL
    with ExitStack() as closing:
        client = _client(control, closing) if control.exists() else None
        yield _frames_over(client, deed, of) if client else closing.enter_context(_frames_alone(settings, of))


def _frames_over(client: httpx2.Client, deed: str, of: Any) -> Iterator[Mapping[str, Any]]:
    with client.stream("POST", f"/{deed}", json=of, headers={"gateway-by": me()}) as response:
        if response.status_code != httpx2.codes.OK:
            response.read()
            _result(response)
        yield from map(json.loads, response.iter_lines())


@contextmanager
def _frames_alone(settings: Settings, of: Any) -> Iterator[Iterator[Mapping[str, Any]]]:
    contracts = contracts_of(settings)
    with listeners.runner() as runner:
        opening = opened(settings, lambda: first_entity(settings))
        stores = runner.run(opening.__aenter__())

        def standing() -> Awaitable[ContractSet]:
            return with_entered(contracts, stores.registry)

        frames = Reports(stores.ledger, standing, utc).frames(of, by=me(), role=Role.OPERATOR)

        async def next_frame() -> Mapping[str, Any] | None:
            return await anext(frames, None)

        def given() -> Iterator[Mapping[str, Any]]:
            while (frame := runner.run(next_frame())) is not None:
                yield frame

        try:
            yield given()
        finally:
            runner.run(opening.__aexit__(None, None, None))


def _over(control: Path, closing: ExitStack) -> Ask | None:
    """Asks whoever listens; None where nobody does, and then the socket is left from another time."""
    client = _client(control, closing)
    return (
        (lambda deed, of: _result(client.post(f"/{deed}", json=of, headers={"gateway-by": me()}))) if client else None
    )


def _client(control: Path, closing: ExitStack) -> httpx2.Client | None:
    client = httpx2.Client(
        transport=httpx2.HTTPTransport(uds=str(control)), base_url="http://gateway", timeout=60, trust_env=False
    )
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


@contextmanager
def _alone(settings: Settings) -> Iterator[Ask]:
    with listeners.runner() as runner:
        opening = opened(settings, lambda: first_entity(settings))
        desk = runner.run(opening.__aenter__()).desk
        deeds = deeds_of(desk, lambda: contracts_of(settings).policy.retention)

        def ask(deed: str, of: Any) -> Any:
            if deed not in deeds:
                raise StartError("no gateway is running with this data folder")
            return runner.run(_done(deeds[deed](of, me())))

        try:
            yield ask
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def _done(deed: Awaitable[Any]) -> Any:
    return await deed


def counted(count: int, one: str, more: str) -> str:
    """A number with what it is the number of."""
    return f"{count} {one if count == 1 else more}"


def me() -> str:
    """Who is at the keyboard, as the operating system knows it; in a container that may be a number only."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
