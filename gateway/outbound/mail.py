"""Mail in place of a call: what would have been its body lies as a file in a folder, for a mail server to send."""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from gateway.outbound.send import STALE, Answer, Holds, Host, Outcome, Sending

_TEXT = """\
Somebody whose personal data you received from us has asked for what the attachment says, or an order is closed.
Please do it, and tell everybody to whom you passed the data on (GDPR, article 19). Then confirm it by an answer to this
mail that names the number in `notice`.
"""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Between whom a mail goes."""

    sender: str
    to: str


class MailDrop:
    """Carries a request as a file of RFC 5322. `letterhead` knows it by the name of the host."""

    def __init__(self, folder: Path, letterhead: Callable[[str], Letterhead]) -> None:
        self._folder = folder
        self._letterhead = letterhead

    async def send(self, host: Host, sending: Sending, *, limit: int, holds: Holds) -> Outcome:
        """Sent once the file is durable; a mail server takes it away."""
        del limit
        head, name = self._letterhead(host.name), uuid.uuid4().hex
        message = _message(head, sending, name)
        if not holds():
            return STALE
        try:
            self._write(name, bytes(message))
        except OSError:
            # How far it came nobody knows, and a mail server may have it.
            return Outcome("possibly", "vendor.broken")
        return Outcome("sent", answer=Answer(202, (), b""))

    async def close(self) -> None: ...

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun = self._folder / f".{name}"
        with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Whole or not at all, for whoever looks into the folder.
        begun.rename(self._folder / f"{name}.eml")


def _message(head: Letterhead, sending: Sending, name: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = head.sender, head.to
    message["Date"], message["Message-ID"] = formatdate(), f"<{name}@{head.sender.rpartition('@')[2]}>"
    message["Subject"] = "Personal data: something to do for you"
    message.set_content(_TEXT)
    media = dict(sending.headers).get("content-type", "application/json").partition(";")[0]
    kind, _, subtype = media.partition("/")
    # Mail programs choose by its ending what opens it.
    name = "notice.json" if subtype == "json" else "notice.txt"
    message.add_attachment(sending.payload, maintype=kind, subtype=subtype, filename=name)
    return message
