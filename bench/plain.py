"""The plain competitor: a Starlette and httpx2 proxy that minimises, puts the vendor's key on, and records nothing."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.minimal import TARGET, VENDOR_KEY, VENDOR_TARGET, UnfitBody, minimised_answer, minimised_order

_HEADERS = {"content-type": "application/json", "authorization": f"Bearer {VENDOR_KEY}"}


def app(vendor: httpx2.AsyncClient) -> Starlette:
    """A proxy in front of one vendor; the client is closed with it."""

    async def forward(request: Request) -> Response:
        try:
            payload = minimised_order(await request.body())
            answer = await vendor.post(VENDOR_TARGET, content=payload, headers=_HEADERS)
            returned = minimised_answer(answer.content)
        except UnfitBody:
            return JSONResponse({"error": "not what the contract says"}, status_code=422)
        except httpx2.HTTPError:
            return JSONResponse({"error": "the vendor did not answer"}, status_code=502)
        return Response(returned, answer.status_code, media_type="application/json")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with vendor:
            yield

    return Starlette(routes=[Route(TARGET, forward, methods=["POST"])], lifespan=lifespan)


def client(sink_port: int) -> httpx2.AsyncClient:
    """One pool for all calls, wide enough that none waits for a connection."""
    return httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{sink_port}",
        limits=httpx2.Limits(max_connections=256, max_keepalive_connections=256, keepalive_expiry=60),
        timeout=httpx2.Timeout(30, connect=5),
        trust_env=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plain")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sink", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        app(client(arguments.sink)),
        host="127.0.0.1",
        port=arguments.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
