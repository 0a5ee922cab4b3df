"""Whoever asks something of the privacy API of a gateway that runs."""

import json
from dataclasses import dataclass
from typing import Any

from running import BY, Running

from gateway.vocabulary import Role


@dataclass(frozen=True)
class Answer:
    """An answer of the privacy API: its status, and the document in it."""

    status: int
    payload: bytes
    media: str

    @property
    def document(self) -> Any:
        return json.loads(self.payload)

    @property
    def code(self) -> str:
        return str(self.document.get("code", ""))


def case(subject: str, **members: object) -> dict[str, Any]:
    """On behalf of whom customer service acts."""
    stated = {"subject": subject, "case": "CS-1", "reason": "asked on the telephone", "verified": "call_back"}
    return {"on_behalf": stated | members}


@dataclass(frozen=True)
class People:
    """The privacy API, with tokens as people and staff hold them."""

    gateway: Running

    def subject(self, ref: str) -> str:
        wanted = {"subject": ref, "role": Role.SUBJECT}
        return str(self.gateway.do(lambda: self.gateway.stores.desk.issue_token(wanted, by=BY))["token"])

    def staff(self, name: str, role: Role) -> str:
        return self.gateway.token(name, role=role)

    def ask(self, token: str, path: str, asked: object = None, *fields: str, method: str = "POST") -> Answer:
        body = json.dumps(asked).encode() if asked is not None else b""
        reply = self.gateway.said(self.gateway.raw(method, path, *fields, body=body, token=token), listener=2)
        return Answer(reply.status, reply.payload, reply.headers.get("content-type", ""))
