"""How commands ask a running gateway, and show what it says."""

import os
import pwd
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx2
import typer
from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table

from gateway import app
from gateway.errors import StartError
from gateway.settings import Settings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def table(*columns: str, title: str | None = None) -> Table:
    """A table in which no word is cut short, however narrow the terminal is."""
    made = Table(title=title, box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def asked(deed: str, of: Any) -> Any:
    """Asks the running gateway over its control socket; with none running, opens the data folder itself."""
    settings = Settings()
    control = settings.data / app.CONTROL
    if control.exists():
        transport = httpx2.HTTPTransport(uds=str(control))
        try:
            with httpx2.Client(transport=transport, base_url="http://gateway", timeout=60, trust_env=False) as client:
                return _result(client.post(f"/{deed}", json=of, headers={"gateway-by": me()}))
        except httpx2.ConnectError:
            control.unlink(missing_ok=True)
    return app.run(_alone(settings, deed, of))


def _result(response: httpx2.Response) -> Any:
    document = response.json()
    if response.status_code != httpx2.codes.OK:
        raise StartError(f"{document.get('code', '')}: {document.get('message', 'it did not work')}")
    return document["result"]


async def _alone(settings: Settings, deed: str, of: Any) -> Any:
    async with app.opened(settings, lambda: app.first_entity(settings)) as stores:
        deeds: dict[str, Callable[..., Awaitable[Any]]] = {
            "facts": stores.desk.put_facts,
            "issue": stores.desk.issue_token,
            "revoke": stores.desk.revoke_token,
            "entries": stores.desk.entries,
            "entry": stores.desk.entry,
            "proof": stores.desk.proof,
            "growth": stores.desk.growth,
            "backup": lambda _, by: stores.desk.backup(by=by),
            "purge": lambda of, by: stores.desk.purge(of, app.contracts_of(settings).policy.retention, by=by),
            "checkpoint": lambda _, by: stores.desk.checkpoint(by=by),
            "key": lambda _, by: stores.desk.key(by=by),
            "turnover": lambda _, by: stores.desk.turnover(by=by),
        }
        if deed not in deeds:
            raise StartError("no gateway is running with this data folder")
        return await deeds[deed](of, by=me())


def me() -> str:
    """Who is at the keyboard, as the operating system knows it; in a container that may be a number only."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"
