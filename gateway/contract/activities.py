"""What registers of processing must say and no contract can know: departments, officers, assessments."""

from collections.abc import Iterator

from pydantic import Field

from gateway.contract.model import Entities
from gateway.contract.words import Block, Day, Name, Text
from gateway.vocabulary import Purpose


class Activity(Block):
    """What is said of everything that is done for one purpose (GDPR 30(1), 35; PIPL 55)."""

    name: Text
    department: Text | None = None
    assessment: Text | None = None
    special_condition: Text | None = None
    erased: Text | None = None
    reviewed: Day | None = None


class Officers(Block):
    """Who answers for data at a company of the shop, beside the company itself (GDPR 26, 37)."""

    officer: Text | None = None
    joint_controllers: tuple[Text, ...] = ()


class Activities(Block):
    """What activities.yaml holds; a set without that file says nothing of all this."""

    purposes: dict[Purpose, Activity] = Field(default_factory=dict)
    companies: dict[Name, Officers] = Field(default_factory=dict)
    measures: tuple[Text, ...] = ()


NOTHING = Activities()


def unknown(activities: Activities, entities: Entities) -> Iterator[str]:
    """The companies that nobody knows."""
    yield from sorted(activities.companies.keys() - entities.entities.keys())
