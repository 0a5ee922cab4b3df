"""What is asked for outside contracts, and what is done about it, as people enter it.

What the law demands may be missing in a request: `checks` tells all of it at once, so that it can be completed.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Base64Bytes,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from gateway.contract.words import MediaType, Name
from gateway.misfit import Asked, Day, Moment
from gateway.paths import parse_place
from gateway.registry.entered import Country, Ref
from gateway.vocabulary import Category, Scenario, SubjectRole
from gateway.vocabulary.exceptional import CrossingGround, Danger, Demand, Handover, Judgement, RecipientKind, Urgency

MOST_PEOPLE = 1_000
MOST_FIELDS = 200


def _in_body(text: str) -> str:
    if parse_place(text).kind != "body":
        raise ValueError("a path leads into the document: $.a.b")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Where = Annotated[str, AfterValidator(_in_body)]
Fields = dict[Where, Category]


class Recipient(Asked):
    """Who is to receive it, and how it was made sure that it is them. `private`: a person, not an institution."""

    kind: RecipientKind
    name: Line
    country: Country
    contact: Line
    verified: Line
    private: bool = False


class Named(Asked):
    """Somebody whom it is about, by the shop's own number; whose law applies is looked up where nobody says it."""

    subject: Ref
    role: SubjectRole
    jurisdiction: Country | None = None


class Instrument(Asked):
    """The paper that demands it. `entire`: the whole of a filing system; `standing`: again and again (recital 31)."""

    type: Line | None = None
    number: Line | None = None
    dated: Day | None = None
    law: Line | None = None
    written: bool = False
    reasoned: bool = False
    entire: bool = False
    standing: bool = False


class Period(Asked):
    """From which day to which the data is from, with both."""

    since: Day
    until: Day

    @model_validator(mode="after")
    def _runs_forward(self) -> "Period":
        if self.until < self.since:
            raise ValueError("it ends before it begins")
        return self


class Suppression(Asked):
    """The person is not to be told up to the end of a day, who ordered that, and whether in writing."""

    until: Day
    authority: Line
    written: bool = False


class Told(Asked):
    """What was said on the telephone, entered afterwards: when, to whom, and which number was called back."""

    happened_at: Moment
    person: Line
    called_back: Line


class Request(Asked):
    """What the three kinds have in common. `stored_in` are the countries where the data stands.

    `whose` is where the document says whom each part is about: nobody else's data may be in it.
    """

    scenario: Scenario
    entity: Name | None = None
    recipient: Recipient | None = None
    subjects: tuple[Named, ...] = Field(default=(), max_length=MOST_PEOPLE)
    fields: Fields = Field(default={}, max_length=MOST_FIELDS)
    whose: Where | None = None
    necessity: Text | None = None
    special: Text | None = None
    stored_in: tuple[Country, ...] = ()
    approval: Line | None = None
    crossing: CrossingGround | None = None
    law: Line | None = None
    assessment: Line | None = None
    suppress: Suppression | None = None


class LegalCompulsion(Request):
    """An authority or a court demands it. `recognition` and `agreement` say on what a foreign demand rests."""

    scenario: Literal[Scenario.LEGAL_COMPULSION]
    demand: Demand | None = None
    instrument: Instrument | None = None
    recognition: Line | None = None
    agreement: Line | None = None
    period: Period | None = None
    deadline: Day | None = None


class RightsProtection(Request):
    """The shop or its users are to be protected against a breach of rules: a case, the rule, and an assessment."""

    scenario: Literal[Scenario.RIGHTS_PROTECTION]
    case: Line | None = None
    rule: Line | None = None


class Emergency(Request):
    """Somebody is in danger. One person may send, others review it afterwards."""

    scenario: Literal[Scenario.EMERGENCY]
    urgency: Urgency | None = None
    danger: Danger | None = None
    happened: Text | None = None
    at_risk: Text | None = None
    no_other_way: Text | None = None
    told: Told | None = None


AnyRequest = LegalCompulsion | RightsProtection | Emergency
REQUEST: TypeAdapter[AnyRequest] = TypeAdapter(Annotated[AnyRequest, Field(discriminator="scenario")])


class Opinion(Asked):
    """What the data protection officer says to it, and as of which day."""

    dated: Day
    favourable: bool
    text: Text


class Approval(Asked):
    """What may go: all that was asked for, or less of it. `despite`: why, where the opinion is against it."""

    fields: Fields | None = None
    despite: Text | None = None


class Decline(Asked):
    why: Text


class Preservation(Asked):
    """Nothing goes; what is known of the people is kept to the end of a day."""

    until: Day
    why: Text


class Sending(Asked):
    """The document, how it is handed over, and for that the recipient's public key where it is sealed."""

    document: Base64Bytes
    media: MediaType = "application/json"
    handover: Handover
    key: Annotated[str, StringConstraints(max_length=20_000)] | None = None


class Review(Asked):
    judgement: Judgement
    follow_up: Text | None = None


class Notice(Asked):
    """How the person was told, or why not."""

    how: Text


Deed = Opinion | Approval | Decline | Preservation | Sending | Review | Notice
DEEDS: Mapping[str, type[Deed]] = {
    "opinion": Opinion,
    "approve": Approval,
    "refuse": Decline,
    "preserve": Preservation,
    "send": Sending,
    "review": Review,
    "told": Notice,
}
