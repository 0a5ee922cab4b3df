"""The privacy API answers as its description says, whatever strangers make of the description."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from asking import People
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from running import running
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway import privacy
from gateway.vocabulary import Role

pytestmark = pytest.mark.slow

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRIED = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROLES = (Role.SUBJECT, Role.AGENT, Role.STEWARD)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with running(tmp_path_factory.mktemp("described")) as gateway:
        yield People(gateway)


def described(people: People, **changed: Any) -> Any:
    document = {**people.ask("", "/openapi.json", method="GET").document, **changed}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://127.0.0.1:{people.gateway.ports[2]}")
    return schema


def tried(people: People, schema: Any) -> set[int]:
    """The statuses of the answers to what the description allows to ask. Raises what schemathesis does."""
    proofs: dict[Role, str] = {role: people.staff("stella", role) for role in ROLES if role is not Role.SUBJECT}
    proofs[Role.SUBJECT] = people.subject("c-1")
    asked = st.one_of([found.ok().as_strategy() for found in schema.get_all_operations()])
    statuses: set[int] = set()

    @TRIED
    @given(case=asked, role=st.sampled_from(ROLES))
    def ask(case: Any, role: Role) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {proofs[role]}"})
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    return statuses


def test_it_answers_as_it_is_described(people: People) -> None:
    statuses = tried(people, described(people))

    assert 200 in statuses
    assert statuses <= {200, 403, 404, 422}


def test_an_answer_that_is_not_described_is_noticed(people: People) -> None:
    document = described(people).raw_schema
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"] = {"418": operation["responses"]["200"]}

    with pytest.raises((schemathesis.errors.SchemathesisError, BaseExceptionGroup, AssertionError)):
        tried(people, described(people, paths=document["paths"]))


def test_every_operation_that_is_offered_is_described(people: People) -> None:
    parts = people.gateway.gateway
    offered = privacy.endpoints(parts.requests, parts.consents, parts.disclosures, parts.entrance)

    names = {found.ok().label for found in described(people).get_all_operations()}

    assert names == {each.operation.name for each in offered}
