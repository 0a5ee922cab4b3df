"""A gateway that hears late of other nodes; as `unchecked` it also writes down what rests on facts that changed."""

import sys
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

from gateway.cli.main import main
from gateway.ledger import postgres
from gateway.registry import registry
from gateway.registry.basis import Later
from gateway.registry.shared import Listener

LATE = 0.25  # seconds


class Late(Listener):
    """Tells what it heard when it is old."""

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], seen: Callable[[], int], told: Callable[[Later], None]
    ) -> None:
        def late(later: Later) -> None:
            if later.last:
                time.sleep(LATE)
            told(later)

        super().__init__(engine, now, seen, late)


def nothing(*_: object) -> None:
    """In place of a look at what changed."""


if __name__ == "__main__":
    setattr(registry, "Listener", Late)  # noqa: B010 - no type has room for a gateway that is broken on purpose
    if sys.argv.pop(1) == "unchecked":
        setattr(postgres, "demand_current", nothing)  # noqa: B010
    main()
