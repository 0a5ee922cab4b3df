"""A process is killed at every named step of a disclosure; what the next start makes of it is one table."""

from collections.abc import Callable, Mapping

import pytest

from faults.world import World

Worlds = Callable[..., World]
Told = Callable[[str, int, str, str], None]

KILLED = -9
NONE = "no intent"

# What stands in the ledger about the call after the next start, and how many requests the vendor saw begin.
STEPS: Mapping[str, tuple[str, int]] = {
    "before-enqueue:intent": (NONE, 0),
    "after-begin:intent": (NONE, 0),
    "after-insert-leaf:intent": (NONE, 0),
    "after-insert-leaf_body:intent": (NONE, 0),
    "after-insert-link:intent": (NONE, 0),
    "after-insert-earlier:intent": (NONE, 0),
    "before-commit:intent": (NONE, 0),
    "after-commit:intent": ("not_sent", 0),
    "after-ack:intent": ("not_sent", 0),
    "after-first-byte": ("in_doubt", 0),
    "mid-body": ("in_doubt", 1),
    "after-last-byte": ("in_doubt", 1),
    "after-response": ("in_doubt", 1),
    "after-begin:outcome": ("in_doubt", 1),
    "after-insert-leaf:outcome": ("in_doubt", 1),
    "before-commit:outcome": ("in_doubt", 1),
    "after-commit:outcome": ("sent", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_what_a_kill_leaves_behind_is_settled_as_the_table_says(worlds: Worlds, told: Told, step: str) -> None:
    world = worlds()
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill@2")
    assert world.call(gateway)
    world.await_settled()

    world.call(gateway)
    status = gateway.ended()
    found = world.breaches()

    result, arrived = STEPS[step]
    assert status == KILLED
    assert found == []
    # One order went before, and one after the restart.
    assert world.results() == ["sent", *([] if result == NONE else [result]), "sent"]
    assert world.arrived() == 2 + arrived
    told(f"SIGKILL {step}", 1, f"I1-I5, {result}", "hasty: I1")


@pytest.mark.parametrize("step", ["before-commit:intent", "after-begin:intent"])
def test_a_gateway_that_does_not_wait_is_found_out_by_the_first_bytes(worlds: Worlds, step: str) -> None:
    world = worlds(built="hasty")
    gateway = world.serving(GATEWAY_FAILPOINTS=f"{step}=kill@2")
    world.call(gateway)

    world.call(gateway)
    gateway.ended()
    found = world.breaches(reopen=False)

    assert any(each.startswith("I1") for each in found)
    assert any(each.startswith("I2") for each in found)
