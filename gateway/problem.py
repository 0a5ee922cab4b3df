"""A refusal as the document that a caller gets."""

from gateway.errors import CODES, Refusal

MEDIA_TYPE = "application/problem+json"


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
