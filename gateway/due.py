"""Something that has to be done by a time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done, in which case or about which thing of ours, by when and by whom; never about whom it is."""

    what: str
    ref: str
    at: datetime
    role: Role

    def members(self) -> dict[str, str]:
        return {"what": self.what, "ref": self.ref, "at": self.at.astimezone(UTC).isoformat(), "role": self.role.value}
