"""The register of the policy, step by step."""

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.api.endpoint import Look, May, answering, body_of
from gateway.identity import Caller
from gateway.policies import Policies


def policy_routes(policies: Policies, may: May) -> Iterator[Route]:
    async def listed(_: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": await policies.listed()})

    async def drafted(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await policies.draft(await body_of(request), caller)})

    async def shown(request: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse({"result": await policies.shown(request.path_params["version"])})

    async def compared(request: Request, caller: Caller) -> Response:
        del caller
        old = request.query_params.get("from")
        return JSONResponse({"result": await policies.diff(request.path_params["version"], old)})

    async def published(request: Request, caller: Caller) -> Response:
        wanted = await body_of(request)
        asked = {} if wanted is None else wanted
        return JSONResponse({"result": await policies.publish(request.path_params["version"], asked, caller)})

    async def dropped(request: Request, caller: Caller) -> Response:
        return JSONResponse({"result": await policies.drop(request.path_params["version"], caller)})

    ways: Mapping[str, Look] = {
        "GET /policies": listed,
        "POST /policies": drafted,
        "GET /policies/{version}": shown,
        "GET /policies/{version}/diff": compared,
        "POST /policies/{version}/publish": published,
        "POST /policies/{version}/drop": dropped,
    }
    for way, look in ways.items():
        method, path = way.split(" ")
        yield Route(path, answering(look, may(way)), methods=[method])
