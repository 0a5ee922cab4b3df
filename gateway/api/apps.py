"""The two applications: the operators' listener, and the control socket."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.deeds import Keeps, deeds_of, of_subjects, telling
from gateway.api.endpoint import Deed, May, answering, application, body_of, doing, proving, said
from gateway.api.offices import (
    Dues,
    bulk_look_routes,
    canary_routes,
    case_routes,
    deadline_route,
    incident_routes,
    policy_routes,
    waiver_routes,
)
from gateway.api.record import framed, log_routes, public_routes, record_routes
from gateway.desk import Desk
from gateway.exceptional.office import Office
from gateway.identity import Caller, Tokens
from gateway.imports import FILES, How, fed
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.public import Page
from gateway.report.making import Reports
from gateway.telemetry import CONTENT_TYPE, Telemetry


@dataclass(frozen=True, slots=True)
class Offices:
    """Where staff of the shop work, and what proves who they are."""

    desk: Desk
    tokens: Tokens
    reports: Reports
    cases: Office
    incidents: Incidents
    canaries: Canaries


def operators(
    offices: Offices,
    telemetry: Telemetry,
    unready: Callable[[], str | None],
    pages: Callable[[str], Awaitable[Page]],
    due: Dues,
) -> Starlette:
    """The operators' listener: what changes something, or shows the record, needs a token of a role that may.

    `pages` makes the public page of a kind, as it is at that moment; `unready` says why no call can go, if none can.
    """
    desk, may = offices.desk, partial(proving, offices.tokens)
    posted: Mapping[str, Deed] = {
        "/resolve": lambda asked, by: desk.resolve(asked, by=by),
        **{f"/subjects/{name}": deed for name, deed in of_subjects(desk).items()},
        **telling(desk),
    }
    return application(
        [
            *_watched(telemetry, unready),
            Route("/facts", answering(partial(_facts, desk), may("POST /facts")), methods=["POST"]),
            *(Route(path, doing(deed, may(f"POST {path}")), methods=["POST"]) for path, deed in posted.items()),
            *record_routes(desk, offices.reports, may),
            *public_routes(pages),
            *log_routes(desk, may),
            deadline_route(due, may),
            *_staffed(offices, may),
        ]
    )


def _watched(telemetry: Telemetry, unready: Callable[[], str | None]) -> Iterator[Route]:
    """What machines look at, without a token."""

    async def healthy(_: Request) -> Response:
        if (reason := unready()) is not None:
            return JSONResponse({"ready": False, "reason": reason}, status_code=503)
        return JSONResponse({"ready": True})

    async def metrics(_: Request) -> Response:
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE)

    yield Route("/health", healthy, methods=["GET"])
    yield Route("/metrics", metrics, methods=["GET"])


def _staffed(offices: Offices, may: May) -> Iterator[Route]:
    """What needs the token of a role, on the control socket too."""
    yield from case_routes(offices.cases, may)
    yield from incident_routes(offices.incidents, may)
    yield from canary_routes(offices.canaries, may)
    yield from waiver_routes(offices.desk.waivers, may)
    yield from bulk_look_routes(offices.desk.bulk_looks, may)
    yield from policy_routes(offices.desk.policies, may)


async def _facts(desk: Desk, request: Request, caller: Caller) -> Response:
    """A list of facts is put in as a whole; a file of them row by row, `?import=` and `?dry_run=` say how."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in FILES:
        return JSONResponse({"result": await desk.put_facts(await body_of(request), by=caller.service)})
    query = dict(request.query_params)
    how = How.model_validate({"form": FILES[media]} | query)
    return JSONResponse({"result": await fed(desk.imports, how, request.stream(), by=caller.service)})


def control(
    offices: Offices, reload: Callable[[], Awaitable[int]], keeps: Keeps, others: Mapping[str, Deed]
) -> Starlette:
    """The control socket, which only the owner of the data folder can open; the command line talks to it.

    `keeps` tells what the policy in force says of retention. Who deals with cases proves it by a token here too: where
    two people are needed, one owner of a folder is not enough. `others` is what is asked about one person or of dates.
    """
    deeds = {**deeds_of(offices.desk, keeps), "reload": lambda _asked, _by: reload(), **others}
    return application(
        [
            *(Route(f"/{name}", doing(deed, said), methods=["POST"]) for name, deed in deeds.items()),
            Route("/report", answering(partial(framed, offices.reports), said), methods=["POST"]),
            *_staffed(offices, partial(proving, offices.tokens)),
        ]
    )
