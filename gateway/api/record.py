"""Looks at the record: entries, reports, and what outsiders check the log by. Public pages are among them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.api.endpoint import Look, May, answering, body_of, refused, stepping
from gateway.desk import Desk
from gateway.errors import Refusal
from gateway.identity import Caller
from gateway.ledger.ledger import LOG
from gateway.public import Language, Page, html
from gateway.report.making import Reports
from gateway.vocabulary import Role

# A page loads nothing, and nothing of it is anybody's but ours.
_BARE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}


def record_routes(desk: Desk, reports: Reports, may: May) -> Iterator[Route]:
    """Looks at the record. What is asked for stands in the body, since addresses are written into logs."""

    async def report(request: Request, caller: Caller) -> Response:
        asked = {"report": request.path_params["report"], **request.query_params}
        made = await reports.made(asked, by=caller.service, role=caller.role)
        return StreamingResponse(made.pieces, media_type=made.media, headers=_BARE)

    yield Route("/reports/{report}", answering(report, may("GET /reports/{report}")), methods=["GET"])
    yield from stepping(
        {
            "POST /entries": lambda asked: desk.entries(asked.body, by=asked.by, own=own(asked.caller)),
            "GET /entries/{entry}": lambda asked: desk.entry(asked.at["entry"], by=asked.by, own=own(asked.caller)),
        },
        may,
    )


def own(caller: Caller) -> frozenset[str] | None:
    """The services whose entries somebody may see, without the people they are about; None for all, with them."""
    return frozenset(caller.services) if caller.role is Role.ENGINEER else None


def public_routes(pages: Callable[[str], Awaitable[Page]]) -> Iterator[Route]:
    """What everybody may read: JSON, or HTML in English or Chinese for whoever asks for that."""

    def shown(kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                page = await pages(kind)
            except Refusal as refusal:
                return refused(refusal)
            if "text/html" not in request.headers.get("accept", ""):
                return JSONResponse(page)
            wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
            language: Language = "zh" if wanted.lower().startswith("zh") else "en"
            return HTMLResponse(html(kind, page, language), headers=_BARE)

        return endpoint

    for path, kind in (("policy", "policy"), ("policy/history", "history"), ("recipients", "recipients")):
        yield Route(f"/public/{path}", shown(kind), methods=["GET"])


def log_routes(desk: Desk, may: May) -> Iterator[Route]:
    """What outsiders check the log by, as texts of C2SP. An inclusion proof holds its entry, so it is a look."""

    async def checkpoint(_: Request, caller: Caller) -> Response:
        return PlainTextResponse(await desk.checkpoint(by=caller.service))

    async def key(_: Request, caller: Caller) -> Response:
        return PlainTextResponse(f"{await desk.key(by=caller.service)}\n")

    async def checkpoints(request: Request, caller: Caller) -> Response:
        asked = {"size": request.query_params.get("from", 0)}
        return JSONResponse({"result": await desk.checkpoints(asked, by=caller.service)})

    async def inclusion(request: Request, caller: Caller) -> Response:
        return PlainTextResponse(await desk.proof(request.path_params["entry"], by=caller.service))

    async def consistency(request: Request, caller: Caller) -> Response:
        return PlainTextResponse(await desk.growth(dict(request.query_params), by=caller.service))

    looks: Mapping[str, Look] = {
        "checkpoint": checkpoint,
        "checkpoints": checkpoints,
        "key": key,
        "proof/inclusion/{entry}": inclusion,
        "proof/consistency": consistency,
    }
    for path, look in looks.items():
        at = f"/v1/log/{LOG}/{path}"
        yield Route(at, answering(look, may(f"GET {at}")), methods=["GET"])


async def framed(reports: Reports, request: Request, caller: Caller) -> Response:
    """A report as lines of JSON, one a frame; what is wrong from the start is told before the first."""
    frames = reports.frames(await body_of(request), by=caller.service, role=caller.role)
    first = await anext(frames)

    async def lines() -> AsyncIterator[str]:
        yield json.dumps(first) + "\n"
        async for frame in frames:
            yield json.dumps(frame) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
