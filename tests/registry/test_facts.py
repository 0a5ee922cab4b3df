"""What facts say of themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.registry.facts import Consent
from gateway.vocabulary import ConsentState, Purpose

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("state", ConsentState)
def test_consent_is_valid_while_it_is_given_and_has_not_run_out(state: ConsentState) -> None:
    given = Consent(Purpose.DELIVERY, None, state, explicit=False, expires=NOON, record="r")

    yes = state in (ConsentState.GIVEN, ConsentState.RENEWED)
    assert given.is_valid(NOON - timedelta(seconds=1)) is yes
    assert given.is_valid(NOON) is False
