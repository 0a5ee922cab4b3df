"""The register of the policy, step by step."""

from collections.abc import Iterator

from starlette.routing import Route

from gateway.api.endpoint import May, stepping
from gateway.policies import Policies


def policy_routes(policies: Policies, may: May) -> Iterator[Route]:
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
