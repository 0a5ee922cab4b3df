"""What a recipient gets: a page, a file, an archive or something sealed, and the digest of what is in it."""

import os
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from gateway.errors import Refusal
from gateway.exceptional.cut import Cut
from gateway.exceptional.handover import Cover, UnfitKey, handed, key_of
from gateway.vocabulary.exceptional import Handover

COVER = Cover("0" * 32, "Shop & Co", "A <court>", datetime(2026, 6, 15, 12, tzinfo=UTC))
DATA = b'{"name":"<b>Ann</b>"}'
LEFT = Cut(DATA, "application/json", (), ())


@pytest.mark.parametrize(
    ("how", "name", "media"),
    [
        (Handover.PRINT, "html", "text/html; charset=utf-8"),
        (Handover.PORTAL, "json", "application/json"),
        (Handover.ORAL, "txt", "text/plain; charset=utf-8"),
        (Handover.ARCHIVE, "zip", "application/zip"),
    ],
)
def test_each_way_has_its_file_and_the_digest_of_the_data(how: Handover, name: str, media: str) -> None:
    given = handed(how, LEFT, COVER, None, os.urandom)

    assert (given.name, given.media, given.digest) == (f"{COVER.case}.{name}", media, sha256(DATA).hexdigest())
    assert bool(given.passphrase) is (how is Handover.ARCHIVE)
    assert given.passphrase.encode() not in given.content or not given.passphrase


def test_a_printed_page_shows_the_data_as_text_and_the_digest_and_loads_nothing() -> None:
    page = handed(Handover.PRINT, LEFT, COVER, None, os.urandom).content.decode()

    assert "&lt;b&gt;Ann&lt;/b&gt;" in page
    assert "A &lt;court&gt;" in page
    assert sha256(DATA).hexdigest() in page
    assert not any(word in page for word in ("<script", "src=", "href=", "http"))


def test_a_key_belongs_to_a_sealed_handover_and_must_be_a_public_one() -> None:
    for how, text in ((Handover.SEALED, None), (Handover.PRINT, "a key")):
        with pytest.raises(Refusal) as refused:
            key_of(how, text)
        assert refused.value.code == "exceptional.incomplete"
    with pytest.raises(UnfitKey):
        key_of(Handover.SEALED, "a key")
    assert key_of(Handover.PRINT, None) is None


def test_what_is_no_text_is_not_printed() -> None:
    with pytest.raises(Refusal):
        handed(Handover.PRINT, Cut(b"\xff", "application/xml", (), ()), COVER, None, os.urandom)
