"""Every deadline in one list and one calendar, and nobody in either."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from demands import EMERGENCY, Staff
from running import Running, running

from gateway.due import Due
from gateway.oversight.agenda import calendar
from gateway.vocabulary import Role

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("feed")) as gateway:
        yield gateway


def asked(gateway: Running, target: str, *fields: str) -> bytes:
    token = gateway.token("rita", role=Role.REVIEWER)
    reply = gateway.said(gateway.raw("GET", target, *fields, token=token), operators=True)
    assert reply.status == 200
    return reply.payload


def test_what_every_part_knows_stands_in_one_list_the_next_one_first(gateway: Running) -> None:
    gateway.ship()
    staff = Staff(gateway)
    case = staff.opened(EMERGENCY, "eva")
    staff.send(case, "eva")
    now = datetime.now(UTC).isoformat()
    incident = {"vendor": "parcels", "nature": "confidentiality", "began": now, "aware": now, "reference": "INC-1"}
    gateway.do(lambda: gateway.gateway.incidents.open(incident, by="paula"))
    gateway.do(lambda: gateway.stores.notices.tell({"cause": "erasure", "subject": "c-88"}, by="stella"))

    found = json.loads(asked(gateway, "/deadlines"))["result"]
    feed = asked(gateway, "/deadlines", "Accept: text/calendar").decode()

    what = {each["what"] for each in found}
    assert {"exceptional.review", "exceptional.tell", "incident.authority", "vendor.review", "agreement.ends"} <= what
    assert "notice.erasure" in what
    times = [datetime.fromisoformat(each["at"]) for each in found]
    assert times == sorted(times)
    assert feed.count("BEGIN:VEVENT") == len(found)
    assert asked(gateway, "/deadlines?form=ics").decode().count("BEGIN:VEVENT") == len(found)
    assert not any(ref in f"{found}{feed}" for ref in ("c-1", "c-88", "c-89"))


def test_a_calendar_is_one_that_others_read() -> None:
    long = Due("agreement.ends", "parcels " + "Größe;,\\" * 20, NOON, Role.STEWARD)

    text = calendar([long, Due("incident.authority", "i" * 32, NOON + timedelta(hours=1), Role.DPO)], NOON)

    lines = text.split("\r\n")
    assert (lines[0], lines[-2], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR", "")
    assert max(len(line.encode()) for line in lines) <= 75
    whole = text.replace("\r\n ", "")
    assert whole.count("BEGIN:VEVENT") == whole.count("END:VEVENT") == 2
    assert "Größe\\;\\,\\\\" in whole
    assert re.findall(r"DTSTART:(\S+)", whole) == ["20260615T120000Z", "20260615T130000Z"]
    assert len(set(re.findall(r"UID:(.+)", whole))) == 2
