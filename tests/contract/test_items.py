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


def test_texts_in_an_envelope_hold_no_documents() -> None:
    assert wrong("groups:", "nested: {$.event.*.extra: json}\ngroups:") == [
        ("contract.path", "a body that is sentry-envelope has no texts")
    ]
