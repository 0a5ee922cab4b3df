"""A refusal as the document that a caller gets."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from gateway.errors import CODES, Refusal

MEDIA_TYPE = "application/problem+json"
_CHALLENGE: Final[Mapping[str, str]] = {"www-authenticate": 'Basic realm="gateway", Bearer realm="gateway"'}


def challenge(status: int) -> Mapping[str, str]:
    """The header of a refusal with this status that says how a caller names itself (RFC 9110 section 11.6.1).

    Without it calendar programs and other clients that wait to be asked never send the token that they have.
    """
    return _CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {}


def problem(refusal: Refusal, **members: object) -> tuple[int, dict[str, object]]:
    """The HTTP status of a refusal, and its problem document (RFC 9457) ready for a JSON encoder.

    The first failure decides type, title, status and fix. `message`, `error` and `errors` repeat them where the SDKs of
    vendors look for a failure: one that finds none takes a refusal for success. `members` are put beside them.
    """
    first, code = refusal.failures[0], CODES[refusal.code]
    message = f"{code.title}: {first.detail}" if first.detail else code.title
    document: dict[str, object] = {
        "type": f"urn:gateway:problem:{refusal.code}",
        "code": refusal.code,
        "title": code.title,
        "status": code.status,
        "detail": first.detail or code.title,
        "fix": code.fix,
        "message": message,
        "error": {"type": "gateway_refusal", "code": refusal.code, "message": message, "errors": []},
        "errors": [_error(failure.code, failure.detail) for failure in refusal.failures],
    }
    if first.where:
        document["where"] = first.where
    return code.status, document | members


def _error(code: str, detail: str) -> dict[str, str]:
    return {"code": code, "detail": detail or CODES[code].title}
