"""What a contract may name in an envelope: its header, and each item by its type."""

import pytest
from bodies import findings_of

SENDING = """
body: sentry-envelope
groups:
  - why: Which build failed.
    category: not_personal
    fields: [$.header.event_id, $.event.*.release]
"""


def wrong(old: str = "", new: str = "") -> list[tuple[str, str]]:
    assert not old or SENDING.count(old) == 1
    found = findings_of(SENDING.replace(old, new) if old else SENDING)
    return [(code, message) for level, code, message in found if level == "error"]


def test_the_header_and_the_items_of_a_type_can_be_named() -> None:
    assert wrong() == []


@pytest.mark.parametrize(
    "fields",
    [
        "[$.header.sdk.version]",
        "[$.event.*.release, $.event.*.@platform]",
        "[$.metric_buckets.*.*.width]",
        "[$.check_in.*.status]",
        "{$.attachment: unclassified}\n    form: drop",
        "{$.attachment.*: unclassified}\n    form: refuse",
        "{$.attachment.*.@filename: person.name}\n    form: drop",
    ],
)
def test_other_places_of_an_envelope_can_be_named_too(fields: str) -> None:
    shared = "" if "form:" in fields else "category: not_personal\n    "
    groups = f"groups:\n  - why: Which build it is.\n    {shared}fields: {fields}\n"

    assert findings_of(SENDING[: SENDING.index("groups:")] + groups) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("$.event.release", "$.event.release is in no item"),
        ("$.event", "$.event is in no item"),
        ("$.*.*.release", "$.*.*.release is in no item"),
        ("$.attachment.*", "nothing is named of what items of the type attachment hold"),
        ("$.attachment.*.@filename", "nothing is named of what items of the type attachment hold"),
        ("$.event.*.@type", "$.event.*.@type is written by the gateway"),
        ("$.event.*.@length", "$.event.*.@length is written by the gateway"),
        ("$.event.*.@item_count", "$.event.*.@item_count is written by the gateway"),
        ("$.event.*.@content_type", "$.event.*.@content_type is written by the gateway"),
        ("$", "`$` is the whole body, and only an opaque one leaves as a whole"),
    ],
)
def test_a_path_that_leads_nowhere_in_an_envelope_does_not_load(path: str, message: str) -> None:
    assert wrong("$.header.event_id", f"$.header.event_id, {path}") == [("contract.path", message)]


FILE = """
body: sentry-envelope
nested:
  $.attachment.*: {body: opaque, media: [application/octet-stream], max_bytes: 1 MiB}
  $.event.*.extra.order: json
groups:
  - why: Shows what the screen looked like.
    category: tech.device
    fields: [$.attachment.*, $.attachment.*.@attachment_type]
  - why: Which build failed.
    category: not_personal
    fields: [$.event.*.extra.order.kind]
"""


def of_file(old: str = "", new: str = "") -> list[tuple[str, str]]:
    assert not old or FILE.count(old) == 1
    found = findings_of((FILE.replace(old, new) if old else FILE).replace("tech.device", "order.declared_value"))
    return [(code, message) for level, code, message in found if level == "error"]


def test_an_item_may_be_a_file_and_a_text_in_one_may_hold_a_document() -> None:
    assert of_file() == []


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("media: [application/octet-stream], ", "", ["an opaque body needs `media`"]),
        (", max_bytes: 1 MiB", "", ["an opaque body needs `max_bytes`"]),
        (
            "[$.attachment.*, $.attachment.*.@attachment_type]",
            "[$.attachment.*.@attachment_type]",
            ["nothing is named of what items of the type attachment hold"],
        ),
        (
            ", $.attachment.*.@attachment_type",
            ", $.attachment.*.@length",
            ["$.attachment.*.@length is written by the gateway"],
        ),
        (
            ", $.attachment.*.@attachment_type",
            ", $.attachment.*.name",
            ["nobody can look into $.attachment.* for $.attachment.*.name"],
        ),
        ("{body: opaque, media: [application/octet-stream], max_bytes: 1 MiB}", "ndjson", [
            "$.attachment: an item is JSON, or a file", "$.attachment.* holds a document",
            "$.attachment.* holds a list, and $.attachment.*.@attachment_type has no place beside it",
        ]),
        ("$.attachment.*: {body", "$.attachment: {body", [
            "$.attachment: an item is JSON, or a file",
            "nobody can look into $.attachment for $.attachment.*",
            "nobody can look into $.attachment for $.attachment.*.@attachment_type",
            "nothing is named of what items of the type attachment hold",
        ]),
    ],
    ids=["any type", "any length", "its name alone", "its length", "something in it", "lines", "all files at once"],
)  # fmt: skip
def test_a_file_that_is_not_wholly_declared_does_not_load(old: str, new: str, messages: list[str]) -> None:
    assert sorted(message for _, message in of_file(old, new)) == sorted(messages)
