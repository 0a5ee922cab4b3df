"""The privacy API: what people, and customer service for them, ask about their data, on a listener of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import misfit, problem
from gateway.errors import GatewayError, Refusal, refuse
from gateway.identity import Caller, Tokens, find_token
from gateway.misfit import Asked
from gateway.openapi import Operation, document
from gateway.pieces import gathered
from gateway.rights import asked as models
from gateway.rights.consents import ConsentDesk
from gateway.rights.entrance import Entrance
from gateway.rights.page import WRITTEN
from gateway.rights.report import Report, ReportDesk, WantReport
from gateway.rights.requests import RequestDesk
from gateway.vocabulary import Role

MAX_BODY: Final = 64 * 1024
_PEOPLE = frozenset({Role.SUBJECT, Role.AGENT, Role.STEWARD})
_STEWARDS = frozenset({Role.STEWARD})
_SERVICES = frozenset({Role.SERVICE})
_EVERYBODY = frozenset(Role)
# Answers are about one person: no cache and no other page may have them.
_PRIVATE: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Deed = Callable[[Caller, Any, str], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API: who may ask it, what is asked and answered, and what does it."""

    operation: Operation
    roles: frozenset[Role]
    deed: Deed


def endpoints(
    requests: RequestDesk, consents: ConsentDesk, reports: ReportDesk, entrance: Entrance
) -> Sequence[Endpoint]:
    """All that can be asked. References of people stand in bodies only: addresses are written into logs."""
    written = tuple(media.partition(";")[0] for media, _ in WRITTEN.values())
    return (
        Endpoint(
            Operation("POST", "/v1/tokens", "Let somebody in who has signed in", models.Enter, models.Entered),
            _SERVICES,
            lambda who, what, _: entrance.open(who, what),
        ),
        Endpoint(
            Operation("POST", "/v1/disclosures", "See who received the data", WantReport, Report, written),
            _PEOPLE,
            lambda who, what, _: reports.made(who, what),
        ),
        *_of_consents(consents),
        *_of_requests(requests),
        *_of_stewards(requests),
    )


def _of_consents(consents: ConsentDesk) -> Iterator[Endpoint]:
    yield Endpoint(
        Operation("POST", "/v1/consents", "Say yes to a purpose", models.Give, models.Consents),
        _PEOPLE,
        lambda who, what, _: consents.give(who, what),
    )
    yield Endpoint(
        Operation("POST", "/v1/consents/list", "See what was said", models.Personal, models.Consents),
        _PEOPLE,
        lambda who, what, _: consents.of(who, what),
    )
    yield Endpoint(
        Operation("POST", "/v1/consents/withdraw", "Say no, or withdraw everything", models.Withdraw, models.Effect),
        _PEOPLE,
        lambda who, what, _: consents.withdraw(who, what),
    )
    yield Endpoint(
        Operation(
            "POST", "/v1/requests/{request}/answer", "Say what becomes of orders", models.Answered, models.Effect
        ),
        _PEOPLE,
        lambda who, what, at: consents.answer(who, at, what),
    )


def _of_requests(requests: RequestDesk) -> Iterator[Endpoint]:
    yield Endpoint(
        Operation("POST", "/v1/requests", "Ask for something about the data", models.Open, models.Request),
        _PEOPLE,
        lambda who, what, _: requests.open(who, what),
    )
    yield Endpoint(
        Operation("POST", "/v1/requests/list", "See what was asked", models.Personal, models.Requests),
        _PEOPLE,
        lambda who, what, _: requests.of(who, what),
    )
    yield Endpoint(
        Operation("GET", "/v1/requests/{request}", "See one request", None, models.Request),
        _PEOPLE - {Role.AGENT},
        lambda who, _, at: requests.one(who, at),
    )


def _of_stewards(requests: RequestDesk) -> Iterator[Endpoint]:
    """What is done about requests: decided, done and closed, each by the people of the shop alone."""
    steps: Mapping[str, tuple[type[Asked] | None, str, Deed]] = {
        "lifting": (None, "End a restriction", lambda who, _, at: requests.lift(who, at)),
        "decision": (models.Decide, "Decide about a request", lambda who, what, at: requests.decide(who, at, what)),
        "extension": (models.Extend, "Take two more months", lambda who, what, at: requests.extend(who, at, what)),
        "closing": (models.Close, "Say how a request ended", lambda who, what, at: requests.close(who, at, what)),
    }
    yield Endpoint(
        Operation("POST", "/v1/requests/waiting", "See what is to be decided or done", None, models.Waiting),
        _STEWARDS,
        lambda who, _what, _at: requests.waiting(who),
    )
    for name, (model, summary, deed) in steps.items():
        path = f"/v1/requests/{{request}}/{name}"
        yield Endpoint(Operation("POST", path, summary, model, models.Request), _STEWARDS, deed)


def spoken(requests: RequestDesk, reports: ReportDesk) -> Mapping[str, Callable[[Any, str], Awaitable[Any]]]:
    """What the command line asks for stewards: whoever can open the data folder is one."""

    async def report(asked: Any, by: str) -> Any:
        wanted = WantReport.model_validate(asked)
        told = await reports.made(_steward(by), wanted)
        written = WRITTEN.get(wanted.form)
        return written[1](told, wanted.language) if written else told.model_dump(mode="json", by_alias=True)

    async def waiting(_: Any, by: str) -> Any:
        return (await requests.waiting(_steward(by))).model_dump(mode="json")

    return {"subject-report": report, "subject-requests": waiting}


def _steward(name: str) -> Caller:
    return Caller(name, "", "", "live", None, 0, Role.STEWARD)


def listener(offered: Sequence[Endpoint], tokens: Tokens) -> Starlette:
    """The application behind the privacy API's own port."""
    about = document([each.operation for each in offered], {each.operation.name: each.roles for each in offered})

    async def described(_: Request) -> Response:
        return JSONResponse(about)

    routes = [Route("/openapi.json", described, methods=["GET"])]
    routes += [
        Route(each.operation.path, _answering(each, tokens), methods=[each.operation.method]) for each in offered
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})
    app.router.redirect_slashes = False
    return app


def _answering(endpoint: Endpoint, tokens: Tokens) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            caller = tokens.verify(find_token([request.headers.get("authorization", "")]), roles=_EVERYBODY)
            if caller.role not in endpoint.roles:
                raise refuse("caller.role", f"the role {caller.role}; this is for {', '.join(sorted(endpoint.roles))}")
            asked = endpoint.operation.asked
            said = await gathered(request.stream(), MAX_BODY) or b"{}"
            # As it is described, and nothing that only looks like it: a 1 is no mark, and no number is a time.
            what = asked.model_validate_json(said, strict=True) if asked else None
            told = await endpoint.deed(caller, what, request.path_params.get("request", ""))
        except Refusal as refusal:
            status, told_why = problem.problem(refusal)
            return JSONResponse(
                told_why, status, headers={**_PRIVATE, **problem.challenge(status)}, media_type=problem.MEDIA_TYPE
            )
        except ValidationError as error:
            return _unprocessable(misfit.told(error))
        except GatewayError as error:
            return _unprocessable(str(error))
        # A report may have thousands of lines; calls have their turn while they are written.
        return await asyncio.to_thread(_written, told, what) if isinstance(told, Report) else _written(told, what)

    return answer


def _written(told: BaseModel, what: BaseModel | None) -> Response:
    """As JSON; a report also as whoever asks wants it."""
    if isinstance(told, Report) and isinstance(what, WantReport) and what.form in WRITTEN:
        media, write = WRITTEN[what.form]
        return Response(write(told, what.language), media_type=media, headers=_PRIVATE)
    return Response(told.model_dump_json(by_alias=True), media_type="application/json", headers=_PRIVATE)


def _unprocessable(message: str) -> Response:
    told = {"code": "request.invalid", "title": "Not what is asked for here", "status": 422, "message": message}
    return JSONResponse(told, 422, headers=_PRIVATE, media_type=problem.MEDIA_TYPE)


async def _elsewhere(_: Request, error: Exception) -> Response:
    """No such path, or not this method there."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    told = {"code": "request.invalid", "title": "Nothing is asked this way here", "status": status}
    headers = _PRIVATE | dict((error.headers or {}) if isinstance(error, HTTPException) else {})
    return JSONResponse(told, status, headers=headers, media_type=problem.MEDIA_TYPE)
