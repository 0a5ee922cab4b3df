"""JSON for operators: facts, proofs, health and metrics on their listener, everything else on the control socket."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway import problem
from gateway.desk import Desk
from gateway.due import Due
from gateway.errors import GatewayError, Refusal, refuse
from gateway.exceptional.asked import DEEDS
from gateway.exceptional.case import MAY as IN_CASES
from gateway.exceptional.office import Office
from gateway.identity import STAFF, Caller, Tokens, find_token
from gateway.imports import FILES, How, fed
from gateway.ledger.ledger import LOG
from gateway.oversight.agenda import MEDIA as CALENDAR
from gateway.oversight.agenda import calendar
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.public import Language, Page, html
from gateway.report.making import Reports
from gateway.retention import RetentionClass
from gateway.telemetry import CONTENT_TYPE, Telemetry
from gateway.vocabulary import Role
from gateway.waivers import Waivers

MAX_BODY = 8 * 1024 * 1024
# A page loads nothing, and nothing of it is anybody's but ours.
_BARE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-content-type-options": "nosniff",
}

_READERS = frozenset({Role.OPERATOR, Role.STEWARD, Role.REVIEWER, Role.DECIDER, Role.DPO, Role.AUDITOR})
_ANSWERING = frozenset({Role.STEWARD, Role.DPO})
_CAREFUL = frozenset({Role.OPERATOR, Role.STEWARD})
MAY: Mapping[str, frozenset[Role]] = {
    "POST /facts": frozenset({Role.OPERATOR}),
    "POST /resolve": _CAREFUL,
    "POST /subjects/erase": _CAREFUL,
    "POST /subjects/hold": _CAREFUL,
    "POST /subjects/release": _CAREFUL,
    "POST /notices": _CAREFUL | {Role.DPO, Role.AUDITOR},
    "POST /notices/tell": _CAREFUL,
    "POST /notices/step": _CAREFUL,
    "POST /disclosures": _CAREFUL,
    "POST /erasures": _CAREFUL | {Role.DPO, Role.AUDITOR},
    "POST /erasures/begin": _CAREFUL,
    "POST /entries": _READERS | {Role.ENGINEER},
    "GET /entries/{entry}": _READERS | {Role.ENGINEER},
    "GET /reports/{report}": _READERS,
    f"GET /v1/log/{LOG}/checkpoint": _READERS,
    f"GET /v1/log/{LOG}/checkpoints": _READERS,
    f"GET /v1/log/{LOG}/key": _READERS,
    f"GET /v1/log/{LOG}/proof/inclusion/{{entry}}": _READERS,
    f"GET /v1/log/{LOG}/proof/consistency": _READERS,
    "POST /exceptional/requests": IN_CASES["request"],
    "GET /exceptional/requests": IN_CASES["list"],
    "GET /exceptional/requests/{case}": IN_CASES["show"],
    **{f"POST /exceptional/requests/{{case}}/{step}": IN_CASES[step] for step in DEEDS},
    "GET /waivers": _READERS,
    "POST /waivers": frozenset({Role.DECIDER}),
    "POST /waivers/{waiver}/grant": frozenset({Role.DECIDER}),
    "POST /waivers/{waiver}/end": frozenset({Role.OPERATOR, Role.DECIDER}),
    "GET /exceptional/due": IN_CASES["list"],
    "GET /deadlines": _READERS,
    "POST /canaries": _ANSWERING,
    "GET /canaries": _ANSWERING | {Role.REVIEWER, Role.AUDITOR},
    "POST /canaries/seen": _ANSWERING,
    "POST /incidents": _ANSWERING,
    "GET /incidents": _ANSWERING | {Role.DECIDER, Role.REVIEWER, Role.AUDITOR},
    "POST /incidents/{incident}/steps": _ANSWERING,
    "GET /incidents/{incident}/affected": _ANSWERING | {Role.DECIDER, Role.REVIEWER, Role.AUDITOR},
    "POST /incidents/{incident}/mailing": _ANSWERING,
}
"""Which roles may ask what of the operators' listener; whatever is not here needs no token."""

Deed = Callable[[Any, str], Awaitable[Any]]
Look = Callable[[Request, Caller], Awaitable[Response]]
Who = Callable[[Request], Caller]
May = Callable[[str], Who]
Keeps = Callable[[], Mapping[RetentionClass, str]]


def operators(
    desk: Desk,
    reports: Reports,
    tokens: Tokens,
    telemetry: Telemetry,
    unready: Callable[[], str | None],
    pages: Callable[[str], Page],
    office: Office,
    incidents: Incidents,
    canaries: Canaries,
    due: Callable[[], Awaitable[Sequence[Due]]],
) -> Starlette:
    """The operators' listener: what changes something, or shows the record, needs a token of a role that may.

    `pages` makes the public page of a kind, as it is at that moment; `unready` says why no call can go, if none can.
    """
    may = partial(_may, tokens)

    async def healthy(_: Request) -> Response:
        if (reason := unready()) is not None:
            return JSONResponse({"ready": False, "reason": reason}, status_code=503)
        return JSONResponse({"ready": True})

    async def metrics(_: Request) -> Response:
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE)

    return _app(
        [
            Route("/health", healthy, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/facts", _answering(partial(_facts, desk), may("POST /facts")), methods=["POST"]),
            Route(
                "/resolve", _doing(lambda asked, by: desk.resolve(asked, by=by), may("POST /resolve")), methods=["POST"]
            ),
            *_record(desk, reports, may),
            *_public(pages),
            *(
                Route(f"/subjects/{name}", _doing(deed, may(f"POST /subjects/{name}")), methods=["POST"])
                for name, deed in _subjects(desk).items()
            ),
            *(Route(path, _doing(deed, may(f"POST {path}")), methods=["POST"]) for path, deed in telling(desk).items()),
            *_log(desk, may),
            *_cases(office, may),
            *_incidents(incidents, canaries, may),
            _deadlines(due, may),
            *_waivers(desk.waivers, may),
        ]
    )


def _may(tokens: Tokens, what: str) -> Who:
    return partial(_proven, tokens, MAY[what])


async def _facts(desk: Desk, request: Request, caller: Caller) -> Response:
    """A list of facts is put in as a whole; a file of them row by row, `?import=` and `?dry_run=` say how."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in FILES:
        return JSONResponse({"result": await desk.put_facts(await _body(request), by=caller.service)})
    query = dict(request.query_params)
    how = TypeAdapter(How).validate_python({"form": FILES[media]} | query)
    return JSONResponse({"result": await fed(desk.imports, how, request.stream(), by=caller.service)})


def _proven(tokens: Tokens, roles: frozenset[Role], request: Request) -> Caller:
    """Raises Refusal `caller.unknown`, and `caller.role` for somebody of the shop whose role may not."""
    token = find_token([request.headers.get("authorization", "")])
    caller = tokens.verify(token, roles=STAFF)
    if caller.role not in roles:
        raise refuse("caller.role", f"the role {caller.role}")
    return caller


def _record(desk: Desk, reports: Reports, may: May) -> Iterator[Route]:
    """Looks at the record. What is asked for stands in the body, since addresses are written into logs."""

    async def entries(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await desk.entries(await _body(request), by=caller.service, own=own(caller))})

    async def entry(request: Request, caller: Caller) -> Response:
        named = request.path_params["entry"]
        return JSONResponse({"result": await desk.entry(named, by=caller.service, own=own(caller))})

    async def report(request: Request, caller: Caller) -> Response:
        asked = {"report": request.path_params["report"], **request.query_params}
        media, pieces = await reports.made(asked, by=caller.service, role=caller.role)
        return StreamingResponse(pieces, media_type=media, headers=_BARE)

    yield Route("/reports/{report}", _answering(report, may("GET /reports/{report}")), methods=["GET"])
    yield Route("/entries", _answering(entries, may("POST /entries")), methods=["POST"])
    yield Route("/entries/{entry}", _answering(entry, may("GET /entries/{entry}")), methods=["GET"])


def own(caller: Caller) -> frozenset[str] | None:
    """The services whose entries somebody may see, without the people they are about; None for all, with them."""
    return frozenset(caller.services) if caller.role is Role.ENGINEER else None


def _public(pages: Callable[[str], Page]) -> Iterator[Route]:
    """What everybody may read: JSON, or HTML in English or Chinese for whoever asks for that."""

    def shown(kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            page = pages(kind)
            if "text/html" not in request.headers.get("accept", ""):
                return JSONResponse(page)
            wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
            language: Language = "zh" if wanted.lower().startswith("zh") else "en"
            return HTMLResponse(html(kind, page, language), headers=_BARE)

        return endpoint

    for path, kind in (("policy", "policy"), ("policy/history", "history"), ("recipients", "recipients")):
        yield Route(f"/public/{path}", shown(kind), methods=["GET"])


def _subjects(desk: Desk) -> Mapping[str, Deed]:
    """What is done about one person, whose reference stands in the body: addresses are written into logs."""
    return {
        "erase": lambda asked, by: desk.erase(asked, by=by),
        "hold": lambda asked, by: desk.hold(asked, by=by),
        "release": lambda asked, by: desk.release(asked, by=by),
    }


def telling(desk: Desk) -> Mapping[str, Deed]:
    """What vendors are told about people, who is erased, and what went beside the gateway, by the path for it."""
    of, erasures, direct = desk.notices, desk.erasures, desk.direct
    return {
        "/notices": lambda asked, by: of.listed(asked or {}, by=by),
        "/notices/tell": lambda asked, by: of.tell(asked, by=by),
        "/notices/step": lambda asked, by: of.step(asked, by=by),
        "/disclosures": lambda asked, by: direct.record(asked, by=by),
        "/erasures": lambda _asked, by: erasures.listed(by=by),
        "/erasures/begin": lambda asked, by: erasures.begin(asked, by=by),
    }


def _deadlines(due: Callable[[], Awaitable[Sequence[Due]]], may: May) -> Route:
    """What has to be done by when: JSON, or a calendar for whoever asks for one."""

    async def shown(request: Request, _: Caller) -> Response:
        found = await due()
        if "text/calendar" in request.headers.get("accept", "") or request.query_params.get("form") == "ics":
            return Response(calendar(found, datetime.now(UTC)), media_type=CALENDAR)
        return JSONResponse({"result": [each.members() for each in found]})

    return Route("/deadlines", _answering(shown, may("GET /deadlines")), methods=["GET"])


def _incidents(incidents: Incidents, canaries: Canaries, may: May) -> Iterator[Route]:
    """What vendors lost, whom that concerns, and who was told."""

    async def opened(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.open(await _body(request), by=caller.service)})

    async def listed(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.listed(by=caller.service)})

    async def stepped(request: Request, caller: Caller) -> Response:
        named = request.path_params["incident"]
        return JSONResponse({"result": await incidents.step(named, await _body(request), by=caller.service)})

    async def affected(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.affected(request.path_params["incident"], by=caller.service)})

    async def mailing(request: Request, caller: Caller) -> Response:
        named = request.path_params["incident"]
        return JSONResponse({"result": await incidents.mailing(named, await _body(request), by=caller.service)})

    async def made(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.make(await _body(request), by=caller.service)})

    async def known(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.listed(by=caller.service)})

    async def seen(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.seen(await _body(request), by=caller.service)})

    ways: Mapping[str, Look] = {
        "POST /canaries": made,
        "GET /canaries": known,
        "POST /canaries/seen": seen,
        "POST /incidents": opened,
        "GET /incidents": listed,
        "POST /incidents/{incident}/steps": stepped,
        "GET /incidents/{incident}/affected": affected,
        "POST /incidents/{incident}/mailing": mailing,
    }
    for way, look in ways.items():
        method, path = way.split(" ")
        yield Route(path, _answering(look, may(way)), methods=[method])


def _waivers(waivers: Waivers, may: May) -> Iterator[Route]:
    async def listed(_: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": await waivers.listed()})

    async def proposed(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.propose(await _body(request), caller)})

    async def granted(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.grant(request.path_params["waiver"], caller)})

    async def ended(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.end(request.path_params["waiver"], caller)})

    yield Route("/waivers", _answering(listed, may("GET /waivers")), methods=["GET"])
    yield Route("/waivers", _answering(proposed, may("POST /waivers")), methods=["POST"])
    for step, deed in (("grant", granted), ("end", ended)):
        path = f"/waivers/{{waiver}}/{step}"
        yield Route(path, _answering(deed, may(f"POST {path}")), methods=["POST"])


def _cases(office: Office, may: May) -> Iterator[Route]:
    """Disclosures outside contracts. Only a step that a case can have is a route."""

    async def requested(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.request(await _body(request), caller)})

    async def listed(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.register(caller)})

    async def shown(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.look(request.path_params["case"], caller)})

    async def due(_: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": [each.members() for each in await office.due()]})

    def taking(step: str) -> Look:
        async def taken(request: Request, caller: Caller) -> Response:
            case, given = request.path_params["case"], await _body(request)
            if step == "send":
                told, handed = await office.send(case, given, caller)
                return JSONResponse({"result": told | handed.members()})
            return JSONResponse({"result": await office.take(case, step, given, caller)})

        return taken

    root = "/exceptional/requests"
    yield Route(root, _answering(requested, may(f"POST {root}")), methods=["POST"])
    yield Route(root, _answering(listed, may(f"GET {root}")), methods=["GET"])
    yield Route(f"{root}/{{case}}", _answering(shown, may(f"GET {root}/{{case}}")), methods=["GET"])
    yield Route("/exceptional/due", _answering(due, may("GET /exceptional/due")), methods=["GET"])
    for step in DEEDS:
        path = f"{root}/{{case}}/{step}"
        yield Route(path, _answering(taking(step), may(f"POST {path}")), methods=["POST"])


def _log(desk: Desk, may: May) -> Iterator[Route]:
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
        yield Route(at, _answering(look, may(f"GET {at}")), methods=["GET"])


def control(
    desk: Desk,
    reports: Reports,
    reload: Callable[[], Awaitable[int]],
    keeps: Keeps,
    tokens: Tokens,
    office: Office,
    incidents: Incidents,
    canaries: Canaries,
    people: Mapping[str, Deed],
) -> Starlette:
    """The control socket, which only the owner of the data folder can open; the command line talks to it.

    `keeps` tells what the policy in force says of retention. Who deals with cases proves it by a token here too: where
    two people are needed, one owner of a folder is not enough. `people` is what is asked about one person.
    """
    deeds: Mapping[str, Deed] = {
        "facts": lambda asked, by: desk.put_facts(asked, by=by),
        "rehearse": lambda asked, by: desk.rehearse(asked, by=by),
        "forecast": lambda asked, by: desk.forecast(asked, by=by),
        "import": lambda asked, by: desk.imports.begin(asked, by=by),
        "import-part": lambda asked, by: desk.imports.put(asked, by=by),
        "issue": lambda asked, by: desk.issue_token(asked, by=by),
        "revoke": lambda asked, by: desk.revoke_token(str(asked), by=by),
        "entries": lambda asked, by: desk.entries(asked, by=by),
        "entry": lambda asked, by: desk.entry(str(asked), by=by),
        "resolve": lambda asked, by: desk.resolve(asked, by=by),
        "proof": lambda asked, by: desk.proof(str(asked), by=by),
        "growth": lambda asked, by: desk.growth(asked, by=by),
        "checkpoint": lambda _asked, by: desk.checkpoint(by=by),
        "key": lambda _asked, by: desk.key(by=by),
        **_subjects(desk),
        **{path.removeprefix("/"): deed for path, deed in telling(desk).items()},
        "turnover": lambda _asked, by: desk.turnover(by=by),
        "backup": lambda _asked, by: desk.backup(by=by),
        "purge": lambda asked, by: desk.purge(asked, keeps(), by=by),
        "checkpoints": lambda asked, by: desk.checkpoints(asked, by=by),
        "export": lambda asked, by: desk.exports.begin(asked, by=by),
        "export-end": lambda _asked, _by: desk.exports.end(),
        "export-entries": lambda asked, _by: desk.exports.entries(asked),
        "export-subtrees": lambda asked, _by: desk.exports.subtrees(asked),
        "reload": lambda _asked, _by: reload(),
        **people,
    }
    routes = [Route(f"/{name}", _doing(deed, _as_said), methods=["POST"]) for name, deed in deeds.items()]
    report = Route("/report", _answering(partial(_framed, reports), _as_said), methods=["POST"])
    may = partial(_may, tokens)
    looks = (*_cases(office, may), *_incidents(incidents, canaries, may), *_waivers(desk.waivers, may))
    return _app([*routes, report, *looks])


async def _framed(reports: Reports, request: Request, caller: Caller) -> Response:
    """A report as lines of JSON, one a frame; what is wrong from the start is told before the first."""
    frames = reports.frames(await _body(request), by=caller.service, role=caller.role)
    first = await anext(frames)

    async def lines() -> AsyncIterator[str]:
        yield json.dumps(first) + "\n"
        async for frame in frames:
            yield json.dumps(frame) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _app(routes: Sequence[Route]) -> Starlette:
    app = Starlette(routes=routes)
    # A path that is nearly right is wrong, and a redirect would lead to whatever host the request names.
    app.router.redirect_slashes = False
    return app


def _as_said(request: Request) -> Caller:
    """Whoever can open the socket says who they are; it is the owner of the data folder."""
    name = request.headers.get("gateway-by", "unknown")[:100]
    return Caller(name, "", "", "live", None, 0, Role.OPERATOR)


def _doing(deed: Deed, who: Who) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads JSON, does one thing, and answers in JSON or with a problem document."""

    async def done(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await deed(await _body(request), caller.service)})

    return _answering(done, who)


def _answering(look: Look, who: Who) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await look(request, who(request))
        except Refusal as refusal:
            status, document = problem.problem(refusal)
            return JSONResponse(document, status, media_type=problem.MEDIA_TYPE)
        except ValidationError as error:
            return _unprocessable(_told(error))
        except (GatewayError, ValueError) as error:
            return _unprocessable(str(error) if isinstance(error, GatewayError) else "not what is asked for here")

    return endpoint


async def _body(request: Request) -> Any:
    payload = bytearray()
    async for part in request.stream():
        payload += part
        if len(payload) > MAX_BODY:
            raise refuse("body.too_large", f"more than {MAX_BODY} bytes")
    try:
        return json.loads(payload) if payload else None
    except ValueError:
        raise refuse("body.unreadable", "not valid JSON") from None


def _told(error: ValidationError) -> str:
    """Where something is wrong and what, without the value that is wrong."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:5])


def _unprocessable(message: str) -> Response:
    return JSONResponse({"code": "request.invalid", "message": message}, 422, media_type=problem.MEDIA_TYPE)
