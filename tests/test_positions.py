"""A text planted wherever a request can carry one: unnamed it never arrives, named it always does."""

import base64
import gzip
import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import positions
import pytest
from decodings import holds
from positions import FILES_OF_PLACES, Place, found, places, report
from positions_bodies import PLANTED
from running import Running, running

from gateway import assemble, deciding
from gateway.bind import Bound
from gateway.body.document import Document
from gateway.minimise import Minimised

PLACES = list(places())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("positions"), files=FILES_OF_PLACES) as gateway:
        yield gateway


@pytest.mark.parametrize("codec", sorted({place.name.partition(":")[0] for place in PLACES}))
def test_what_is_not_named_never_arrives_and_what_is_named_does(gateway: Running, codec: str) -> None:
    results = [found(gateway, place) for place in PLACES if place.name.startswith(f"{codec}:")]

    assert [each for each in results if not each.kept] == [], report(results)
    assert {each.planted for each in results} == {"refused", "withheld"}


def let_out(bound: Bound, documents: Mapping[str, Document], grants: object = None, **keywords: Any) -> Minimised:
    """A minimiser that is broken: everything leaves."""
    return Minimised(dict(documents), [0] * len(bound.section.rules), [], [])


BROKEN = (
    "json: an unnamed value",
    "json: a name",
    "json: a value below an unnamed name",
    "json: a name in a nested text",
    "json: header Referer",
    "json: header X-Unheard-Of",
    "json: an unnamed value of the query",
    "json: a name of the query",
    "form: an unnamed value",
    "form: a name in brackets",
    "ndjson: a name",
    "xml: an unnamed element",
    "xml: an element's name",
    "xml: an attribute",
)


@pytest.mark.parametrize("proof", [True, False], ids=["with the proof", "without the proof"])
def test_a_minimiser_that_lets_everything_out_is_stopped_by_the_proof_and_seen_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proof: bool
) -> None:
    monkeypatch.setattr(deciding, "minimise", let_out)
    if not proof:
        monkeypatch.setattr(assemble, "proved", lambda _bound, _outgoing, _incoming, payload, query: (payload, query))
    chosen = {place.name: place for place in PLACES if place.name in BROKEN}
    with running(tmp_path, files=FILES_OF_PLACES) as gateway:
        fates = {name: found(gateway, place).planted for name, place in chosen.items()}

    assert fates == dict.fromkeys(BROKEN, "refused" if proof else "arrived")


@pytest.mark.parametrize(
    "raw",
    [
        PLANTED.upper().encode(),
        b"".join(b"%%%02x" % octet for octet in PLANTED.encode()),
        "".join(f"\\u{ord(sign):04X}" for sign in PLANTED).encode(),
        "".join(f"&#{ord(sign)};" for sign in PLANTED).encode(),
        base64.b64encode(b"Basic " + PLANTED.encode() + b":x"),
        base64.urlsafe_b64encode(b"12" + PLANTED.encode() + b"\xff\xfe"),
        b"id=" + PLANTED.encode().hex().encode(),
        b"".join(b"=%02X" % octet for octet in PLANTED.encode()),
        b"x" + gzip.compress(b"a" * 100 + PLANTED.encode()),
        base64.b64encode(gzip.compress(html.escape(f"<{PLANTED}>").encode())),
    ],
    ids=["case", "percent", "escapes", "entities", "base64", "base64url", "hex", "quoted-printable", "gzip", "layers"],
)
def test_a_vendor_finds_a_text_however_it_is_spelled(raw: bytes) -> None:
    assert holds(raw, PLANTED)
    assert not holds(raw, "Qz7other")


def test_the_report_says_what_became_of_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [place for place in PLACES if place.name in ("form: a name", "none: a body")]
    monkeypatch.setattr(positions, "places", lambda: chosen)

    status = positions.main()

    assert capsys.readouterr().out.splitlines() == [
        "form: a name  withheld  named: arrived ",
        "none: a body  refused   named: arrived ",
        "",
        "2 planted: 1 refused, 1 withheld, 0 arrived; 2 of 2 named twins arrived",
    ]
    assert status == 0


def test_every_place_has_a_name_of_its_own() -> None:
    names = [place.name for place in PLACES]

    assert len(names) == len(set(names))
    assert isinstance(PLACES[0], Place)
