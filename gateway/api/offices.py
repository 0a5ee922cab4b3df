"""What staff work at together: cases outside contracts, incidents, waivers, bulk looks, the policy, what is due."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.endpoint import Asked, Deed, May, Step, answering, stepping
from gateway.bulk_looks import BulkLooks
from gateway.due import Due
from gateway.exceptional.asked import DEEDS
from gateway.exceptional.office import Office
from gateway.identity import Caller
from gateway.oversight.agenda import MEDIA as CALENDAR
from gateway.oversight.agenda import calendar
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.policies import Policies
from gateway.waivers import Waivers

Dues: TypeAlias = Callable[[], Awaitable[Sequence[Due]]]
"""Knows what has to be done by when."""


def deadline_route(due: Dues, may: May) -> Route:
    """What has to be done by when: JSON, or a calendar for whoever asks for one."""

    async def shown(request: Request, _: Caller) -> Response:
        found = await due()
        if "text/calendar" in request.headers.get("accept", "") or request.query_params.get("form") == "ics":
            return Response(calendar(found, datetime.now(UTC)), media_type=CALENDAR)
        return JSONResponse({"result": [each.members() for each in found]})

    return Route("/deadlines", answering(shown, may("GET /deadlines")), methods=["GET"])


def dated(due: Dues, notify: Callable[[], Awaitable[int]]) -> Mapping[str, Deed]:
    """What the command line asks about deadlines: which there are, and that whoever wants to hear of them does now."""

    async def shown(form: Any, _: str) -> Any:
        found, now = await due(), datetime.now(UTC)
        if form == "ics":
            return calendar(found, now)
        return [each.members() | {"said": each.said, "overdue": each.at < now} for each in found]

    async def told(_asked: Any, _by: str) -> int:
        return await notify()

    return {"deadlines": shown, "tell-deadlines": told}


def incident_routes(incidents: Incidents, may: May) -> Iterator[Route]:
    """What vendors lost, whom that concerns, and who was told."""
    root = "/incidents/{incident}"
    return stepping(
        {
            "POST /incidents": lambda asked: incidents.open(asked.body, by=asked.by),
            "GET /incidents": lambda asked: incidents.listed(by=asked.by),
            f"POST {root}/steps": lambda asked: incidents.step(asked.at["incident"], asked.body, by=asked.by),
            f"GET {root}/affected": lambda asked: incidents.affected(asked.at["incident"], by=asked.by),
            f"POST {root}/mailing": lambda asked: incidents.mailing(asked.at["incident"], asked.body, by=asked.by),
        },
        may,
    )


def canary_routes(canaries: Canaries, may: May) -> Iterator[Route]:
    """Values that one vendor alone was given."""
    return stepping(
        {
            "POST /canaries": lambda asked: canaries.make(asked.body, by=asked.by),
            "GET /canaries": lambda asked: canaries.listed(by=asked.by),
            "POST /canaries/seen": lambda asked: canaries.seen(asked.body, by=asked.by),
        },
        may,
    )


def waiver_routes(waivers: Waivers, may: May) -> Iterator[Route]:
    return stepping(
        {
            "GET /waivers": lambda _: waivers.listed(),
            "POST /waivers": lambda asked: waivers.propose(asked.body, asked.caller),
            "POST /waivers/{waiver}/grant": lambda asked: waivers.grant(asked.at["waiver"], asked.caller),
            "POST /waivers/{waiver}/end": lambda asked: waivers.end(asked.at["waiver"], asked.caller),
        },
        may,
    )


def bulk_look_routes(looks: BulkLooks, may: May) -> Iterator[Route]:
    """More of the record than one person takes out alone."""
    return stepping(
        {
            "GET /bulk-looks": lambda _: looks.listed(),
            "POST /bulk-looks": lambda asked: looks.propose(asked.body, asked.caller),
            "POST /bulk-looks/{look}/grant": lambda asked: looks.grant(asked.at["look"], asked.caller),
            "POST /bulk-looks/{look}/end": lambda asked: looks.end(asked.at["look"], asked.caller),
        },
        may,
    )


def policy_routes(policies: Policies, may: May) -> Iterator[Route]:
    """The register of the policy, step by step."""
    return stepping(
        {
            "GET /policies": lambda _: policies.listed(),
            "POST /policies": lambda asked: policies.draft(asked.body, asked.caller),
            "GET /policies/{version}": lambda asked: policies.shown(asked.at["version"]),
            "GET /policies/{version}/diff": lambda asked: policies.diff(asked.at["version"], asked.query.get("from")),
            "POST /policies/{version}/publish": lambda asked: policies.publish(
                asked.at["version"], {} if asked.body is None else asked.body, asked.caller
            ),
            "POST /policies/{version}/drop": lambda asked: policies.drop(asked.at["version"], asked.caller),
        },
        may,
    )


def case_routes(office: Office, may: May) -> Iterator[Route]:
    """Disclosures outside contracts. Only a step that a case can have is a route."""

    async def due() -> Sequence[Mapping[str, str]]:
        return [each.members() for each in await office.due()]

    def taking(step: str) -> Step:
        async def taken(asked: Asked) -> Any:
            case = asked.at["case"]
            if step == "send":
                told, handed = await office.send(case, asked.body, asked.caller)
                return told | handed.members()
            return await office.take(case, step, asked.body, asked.caller)

        return taken

    root = "/exceptional/requests"
    return stepping(
        {
            f"POST {root}": lambda asked: office.request(asked.body, asked.caller),
            f"GET {root}": lambda asked: office.register(asked.caller),
            f"GET {root}/{{case}}": lambda asked: office.look(asked.at["case"], asked.caller),
            "GET /exceptional/due": lambda _: due(),
            **{f"POST {root}/{{case}}/{step}": taking(step) for step in DEEDS},
        },
        may,
    )
