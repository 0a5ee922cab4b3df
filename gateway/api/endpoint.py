"""An endpoint: it proves who asks, reads JSON, does one thing, and answers in JSON or with a problem document."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import problem
from gateway.api.roles import MAY
from gateway.errors import GatewayError, Refusal, refuse
from gateway.identity import STAFF, Caller, Tokens, find_token
from gateway.misfit import told
from gateway.pieces import gathered
from gateway.strict_json import read_json
from gateway.vocabulary import Role

MAX_BODY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks what: the body as JSON, None without one, and what stands in the path and in the query."""

    caller: Caller
    body: Any
    at: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def by(self) -> str:
        return self.caller.service


Deed = Callable[[Any, str], Awaitable[Any]]
Step = Callable[[Asked], Awaitable[Any]]
Look = Callable[[Request, Caller], Awaitable[Response]]
Who = Callable[[Request], Caller]
May = Callable[[str], Who]


def proving(tokens: Tokens, what: str) -> Who:
    return partial(_proven, tokens, MAY[what])


def _proven(tokens: Tokens, roles: frozenset[Role], request: Request) -> Caller:
    """Raises Refusal `caller.unknown`, and `caller.role` for somebody of the shop whose role may not."""
    token = find_token([request.headers.get("authorization", "")])
    caller = tokens.verify(token, roles=STAFF)
    if caller.role not in roles:
        raise refuse("caller.role", f"the role {caller.role}; this is for {', '.join(sorted(roles))}")
    return caller


def application(routes: Sequence[Route]) -> Starlette:
    app = Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})
    # A path that is nearly right is wrong, and a redirect would lead to whatever host the request names.
    app.router.redirect_slashes = False
    return app


def said(request: Request) -> Caller:
    """Whoever can open the socket says who they are; it is the owner of the data folder."""
    name = request.headers.get("gateway-by", "unknown")[:100]
    return Caller(name, "", "", "live", None, 0, Role.OPERATOR)


def doing(deed: Deed, who: Who) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads JSON, does one thing, and answers in JSON or with a problem document."""
    return answering(_taking(lambda asked: deed(asked.body, asked.by)), who)


def stepping(steps: Mapping[str, Step], may: May) -> Iterator[Route]:
    """A route for each `METHOD /path`, whose step tells what is answered as JSON."""
    for way, step in steps.items():
        method, path = way.split(" ")
        yield Route(path, answering(_taking(step), may(way)), methods=[method])


def _taking(step: Step) -> Look:
    async def taken(request: Request, caller: Caller) -> Response:
        body = await body_of(request) if request.method == "POST" else None
        return JSONResponse({"result": await step(Asked(caller, body, request.path_params, request.query_params))})

    return taken


def answering(look: Look, who: Who) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await look(request, who(request))
        except Refusal as refusal:
            return refused(refusal)
        except ValidationError as error:
            return _unprocessable(told(error))
        except (GatewayError, ValueError) as error:
            return _unprocessable(str(error) if isinstance(error, GatewayError) else "not what is asked for here")

    return endpoint


def refused(refusal: Refusal) -> Response:
    status, document = problem.problem(refusal)
    return JSONResponse(document, status, problem.challenge(status), problem.MEDIA_TYPE)


async def body_of(request: Request) -> Any:
    payload = await gathered(request.stream(), MAX_BODY)
    try:
        return read_json(payload) if payload else None
    except ValueError as error:
        raise refuse("body.unreadable", str(error)) from None


async def _elsewhere(_: Request, error: Exception) -> Response:
    """No such path, or not this method there."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (404, None)
    told = {"code": "request.invalid", "message": "nothing is asked this way here"}
    return JSONResponse(told, status, headers=headers, media_type=problem.MEDIA_TYPE)


def _unprocessable(message: str) -> Response:
    return JSONResponse({"code": "request.invalid", "message": message}, 422, media_type=problem.MEDIA_TYPE)
