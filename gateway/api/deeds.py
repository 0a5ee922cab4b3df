"""What the command line has done, by name, whether a gateway runs or not."""

from collections.abc import Callable, Mapping

from gateway.api.endpoint import Deed
from gateway.desk import Desk
from gateway.retention import RetentionClass

Keeps = Callable[[], Mapping[RetentionClass, str]]


def deeds_of(desk: Desk, keeps: Keeps) -> Mapping[str, Deed]:
    """Everything that needs nothing but open stores. `keeps` tells what the policy in force says of retention."""
    return {
        "facts": lambda asked, by: desk.put_facts(asked, by=by),
        "rehearse": lambda asked, by: desk.rehearse(asked, by=by),
        "forecast": lambda asked, by: desk.forecast(asked, by=by),
        "import": lambda asked, by: desk.imports.begin(asked, by=by),
        "import-part": lambda asked, by: desk.imports.put(asked, by=by),
        "issue": lambda asked, by: desk.issue_token(asked, by=by),
        "revoke": lambda asked, by: desk.revoke_token(str(asked), by=by),
        "entries": lambda asked, by: desk.entries(asked, by=by),
        "entry": lambda asked, by: desk.entry(str(asked), by=by),
        "resolve": lambda asked, by: desk.resolve(asked, by=by),
        "proof": lambda asked, by: desk.proof(str(asked), by=by),
        "growth": lambda asked, by: desk.growth(asked, by=by),
        "checkpoint": lambda _asked, by: desk.checkpoint(by=by),
        "key": lambda _asked, by: desk.key(by=by),
        **of_subjects(desk),
        **{path.removeprefix("/"): deed for path, deed in telling(desk).items()},
        "turnover": lambda _asked, by: desk.turnover(by=by),
        "backup": lambda _asked, by: desk.backup(by=by),
        "purge": lambda asked, by: desk.purge(asked, keeps(), by=by),
        "checkpoints": lambda asked, by: desk.checkpoints(asked, by=by),
        "export": lambda asked, by: desk.exports.begin(asked, by=by),
        "export-end": lambda asked, _by: desk.exports.end(asked),
        "export-entries": lambda asked, _by: desk.exports.entries(asked),
        "export-subtrees": lambda asked, _by: desk.exports.subtrees(asked),
    }


def of_subjects(desk: Desk) -> Mapping[str, Deed]:
    """What is done about one person, whose reference stands in the body: addresses are written into logs."""
    return {
        "erase": lambda asked, by: desk.erase(asked, by=by),
        "hold": lambda asked, by: desk.holds.hold(asked, by=by),
        "release": lambda asked, by: desk.holds.release(asked, by=by),
    }


def telling(desk: Desk) -> Mapping[str, Deed]:
    """What vendors are told about people, who is erased, and what went beside the gateway, by the path for it."""
    of, erasures, direct, consignees = desk.notices, desk.erasures, desk.direct, desk.consignees
    return {
        "/notices": lambda asked, by: of.listed(asked or {}, by=by),
        "/notices/tell": lambda asked, by: of.tell(asked, by=by),
        "/notices/step": lambda asked, by: of.step(asked, by=by),
        "/consignees": lambda _asked, by: consignees.listed(by=by),
        "/consignees/informed": lambda asked, by: consignees.informed(asked, by=by),
        "/disclosures": lambda asked, by: direct.record(asked, by=by),
        "/erasures": lambda _asked, by: erasures.listed(by=by),
        "/erasures/begin": lambda asked, by: erasures.begin(asked, by=by),
    }
