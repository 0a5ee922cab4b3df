"""What staff work at together: cases outside contracts, incidents, waivers, and what is due."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.endpoint import Look, May, answering, body_of
from gateway.due import Due
from gateway.exceptional.asked import DEEDS
from gateway.exceptional.office import Office
from gateway.identity import Caller
from gateway.oversight.agenda import MEDIA as CALENDAR
from gateway.oversight.agenda import calendar
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.waivers import Waivers


def deadline_route(due: Callable[[], Awaitable[Sequence[Due]]], may: May) -> Route:
    """What has to be done by when: JSON, or a calendar for whoever asks for one."""

    async def shown(request: Request, _: Caller) -> Response:
        found = await due()
        if "text/calendar" in request.headers.get("accept", "") or request.query_params.get("form") == "ics":
            return Response(calendar(found, datetime.now(UTC)), media_type=CALENDAR)
        return JSONResponse({"result": [each.members() for each in found]})

    return Route("/deadlines", answering(shown, may("GET /deadlines")), methods=["GET"])


def incident_routes(incidents: Incidents, canaries: Canaries, may: May) -> Iterator[Route]:
    """What vendors lost, whom that concerns, and who was told."""

    async def opened(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.open(await body_of(request), by=caller.service)})

    async def listed(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.listed(by=caller.service)})

    async def stepped(request: Request, caller: Caller) -> Response:
        named = request.path_params["incident"]
        return JSONResponse({"result": await incidents.step(named, await body_of(request), by=caller.service)})

    async def affected(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await incidents.affected(request.path_params["incident"], by=caller.service)})

    async def mailing(request: Request, caller: Caller) -> Response:
        named = request.path_params["incident"]
        return JSONResponse({"result": await incidents.mailing(named, await body_of(request), by=caller.service)})

    async def made(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.make(await body_of(request), by=caller.service)})

    async def known(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.listed(by=caller.service)})

    async def seen(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await canaries.seen(await body_of(request), by=caller.service)})

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
        yield Route(path, answering(look, may(way)), methods=[method])


def waiver_routes(waivers: Waivers, may: May) -> Iterator[Route]:
    async def listed(_: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": await waivers.listed()})

    async def proposed(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.propose(await body_of(request), caller)})

    async def granted(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.grant(request.path_params["waiver"], caller)})

    async def ended(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await waivers.end(request.path_params["waiver"], caller)})

    yield Route("/waivers", answering(listed, may("GET /waivers")), methods=["GET"])
    yield Route("/waivers", answering(proposed, may("POST /waivers")), methods=["POST"])
    for step, deed in (("grant", granted), ("end", ended)):
        path = f"/waivers/{{waiver}}/{step}"
        yield Route(path, answering(deed, may(f"POST {path}")), methods=["POST"])


def case_routes(office: Office, may: May) -> Iterator[Route]:
    """Disclosures outside contracts. Only a step that a case can have is a route."""

    async def requested(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.request(await body_of(request), caller)})

    async def listed(_: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.register(caller)})

    async def shown(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await office.look(request.path_params["case"], caller)})

    async def due(_: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": [each.members() for each in await office.due()]})

    def taking(step: str) -> Look:
        async def taken(request: Request, caller: Caller) -> Response:
            case, given = request.path_params["case"], await body_of(request)
            if step == "send":
                told, handed = await office.send(case, given, caller)
                return JSONResponse({"result": told | handed.members()})
            return JSONResponse({"result": await office.take(case, step, given, caller)})

        return taken

    root = "/exceptional/requests"
    yield Route(root, answering(requested, may(f"POST {root}")), methods=["POST"])
    yield Route(root, answering(listed, may(f"GET {root}")), methods=["GET"])
    yield Route(f"{root}/{{case}}", answering(shown, may(f"GET {root}/{{case}}")), methods=["GET"])
    yield Route("/exceptional/due", answering(due, may("GET /exceptional/due")), methods=["GET"])
    for step in DEEDS:
        path = f"{root}/{{case}}/{step}"
        yield Route(path, answering(taking(step), may(f"POST {path}")), methods=["POST"])
