"""What the process is told from outside, read once."""

import os
import re
from base64 import b64decode
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from gateway.errors import StartError

__all__ = ["LOOPBACK", "Settings", "SettingsError"]

_PREFIX: Final = "GATEWAY_"
_ALIKE: Final = 0.8
_KEY: Final = re.compile(r"whsec_((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)")
_KEY_BYTES: Final = range(24, 65)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _loopback(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.port is None:
        raise ValueError("a sandbox stands on this machine: http://127.0.0.1:PORT")
    return url.rstrip("/")


def _safe(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if not parts.hostname or (parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in LOOPBACK)):
        raise ValueError("write an https address, or http on this machine")
    return url


def _signing(key: SecretStr) -> SecretStr:
    written = _KEY.fullmatch(key.get_secret_value())
    if written is None or len(b64decode(written[1])) not in _KEY_BYTES:
        raise ValueError("write whsec_ and 24 to 64 random bytes in base64: whsec_$(openssl rand -base64 32)")
    return key


class Settings(BaseSettings):
    """Read from variables `GATEWAY_…`; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    data: Path = Path("data")
    """The folder of the embedded stores and keys."""
    high_water: Path | None = None
    """Where it is kept how far the record was written; in `data` where it is not given."""
    archive_key: Path | None = None
    """Where the key stands under which the keys of inactive people are put away; in `data` where it is not given."""
    database: SecretStr | None = None
    """A PostgreSQL in place of the embedded stores, for any number of nodes: `postgresql://ROLE:PASSWORD@HOST/NAME`."""
    database_owner: SecretStr | None = None
    """The same as the role that makes the tables; only `gateway ledger prepare` uses it."""
    database_unguarded: bool = False
    """For a trial: the role of `database` owns its tables, and nothing in the database stops a mistaken statement."""
    contracts: Path = Path("contracts")
    secrets: Path | None = None
    """A folder with one file a secret, named like it; the environment is asked first."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    operators_host: str = "127.0.0.1"
    operators_port: int = Field(default=8081, ge=0, le=65535)
    privacy_host: str = "127.0.0.1"
    privacy_port: int | None = Field(default=None, ge=0, le=65535)
    """Where people, and customer service for them, ask about their data; nowhere without it."""
    hooks_host: str = "127.0.0.1"
    hooks_port: int | None = Field(default=None, ge=0, le=65535)
    """Where vendors send what they send by themselves; nowhere without it."""
    account_centres: list[str] = []
    """Services that may let people in whom they have signed in: each gets tokens of theirs for an hour at most."""
    environment: Literal["sandbox", "live"] = "live"
    sandbox: dict[str, Annotated[str, AfterValidator(_loopback)]] = {}
    """Vendor host → address of a vendor played on this machine. With it no other host is reachable."""
    ca: Path | None = None
    """Certificate authorities to trust instead of the system's."""
    node: str = "gateway"
    intent_deadline: float = Field(default=2.0, gt=0)
    body_deadline: float = Field(default=15.0, gt=0)
    vendor_connect: float = Field(default=5.0, gt=0)
    vendor_silence: float = Field(default=20.0, gt=0)
    vendor_total: float = Field(default=30.0, gt=0)
    answer_bytes: int = Field(default=4 * 1024 * 1024, gt=0)
    spool_bytes: int = Field(default=1024 * 1024 * 1024, gt=0)
    """How much of the disk of `data` long bodies take, all together, while their calls are under way."""
    in_flight: int = Field(default=512, gt=0)
    """Calls at once; more are refused."""
    levels: dict[str, Literal["off", "warn", "refuse"]] = {}
    """How much a ground counts that no law demands, by its code."""
    derogations_a_month: int = Field(default=50, ge=0)
    """How often in a month one vendor may get data for one purpose on a derogation that is for occasions."""
    entries_a_day: int = Field(default=10_000, ge=0)
    """How many entries of the record one of the staff takes out in a day of UTC without the grant of another one."""
    notice_days: int = Field(default=30, ge=1, le=400)
    """Within how many days a vendor that was told something is to have confirmed it."""
    closed_days: int = Field(default=0, ge=0, le=400)
    """How many days after an order was closed vendors are told to delete what they have of it."""
    exceptional_delay: bool = False
    """Whether telling a person of a disclosure for the protection of rights may wait for an investigation."""
    erasure: Literal["retention", "confirmed"] = "retention"
    """When the link between an erased person and the record is destroyed: at the end of its retention, or as soon as
    every vendor has answered."""
    webhook: Annotated[SecretStr, AfterValidator(_safe)] | None = None
    """Where everything with a deadline is posted once a day."""
    webhook_key: Annotated[SecretStr, AfterValidator(_signing)] | None = None
    """With which it is signed, and what vendors sent, for servers of the shop to know that it comes from here."""
    notice_mail: Path | None = None
    """Where notices to vendors lie that go by mail; a folder `mail` in `data` where it is not given."""
    cn_sensitive_requires_separate_consent: bool = True
    """Whether cards, accounts and whereabouts of people in China leave only with a consent that was asked for apart."""
    report_inquiries: bool = True
    """Whether people are told what authorities got about them in inquiries of their own (GDPR 4(9))."""
    withdraw_all_stops_contract: Literal["ask", "continue", "stop"] = "ask"
    """What becomes of orders under way when somebody withdraws everything; they wait until the person is asked."""
    disk_watermark: int | None = Field(default=None, ge=0)
    """With less room on the disk of the ledger no new call is taken."""
    disk_ballast: int = Field(default=64 * 1024 * 1024, ge=0)
    """What is set aside there for what became of calls, and given up when nothing else is left."""
    failpoints: str | None = None
    """Faults that a test wants: see gateway/failpoints.py."""

    @model_validator(mode="after")
    def _says_what_it_means(self) -> Self:
        """A slip of the pen would leave a setting at its default, and nobody would know."""
        known = [name.upper() for name in type(self).model_fields]
        for variable in os.environ:  # noqa: TID251  as below
            name = variable.upper().removeprefix(_PREFIX)
            if not variable.upper().startswith(_PREFIX) or name in known:
                continue
            if like := get_close_matches(name, known, 1, _ALIKE):
                raise ValueError(f"there is no {_PREFIX}{name}; write {_PREFIX}{like[0]}")
        return self

    @property
    def control(self) -> Path:
        """The socket by which commands ask the gateway that has `data`."""
        return self.data / "control.sock"

    def secret(self, name: str) -> str | None:
        """What a contract calls `$NAME`: a variable of that name, or a file of that name in `secrets`.

        Space around it is none of it: whoever made a variable of a file often has its line end too. Raises StartError
        for a file that is no text.
        """
        if value := os.environ.get(name, "").strip():  # noqa: TID251  this is the one place
            return value
        file = self.secrets / name if self.secrets else None
        try:
            return file.read_text("utf-8").strip() if file and file.is_file() else None
        except UnicodeDecodeError:
            # `from None`: the error carries the file.
            raise StartError(f"{file} is not UTF-8 text") from None
