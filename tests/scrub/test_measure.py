"""Labelled sentences are read, halved by a fixed hash, and counted."""

import json

import pytest
from labelled import sentences

from gateway.errors import StartError
from gateway.scrub.measure import Score, scores, sentences_in

TEXT = "mail zoe@example.com or ring 12-34"


def _row(text: str, *spans: tuple[str, str]) -> str:
    labels = [
        {"entity_type": kind, "start_position": text.index(part), "end_position": text.index(part) + len(part)}
        for kind, part in spans
    ]
    return json.dumps({"full_text": text, "spans": labels})


def test_what_was_found_and_what_was_not_is_counted_by_kind() -> None:
    rows = scores(list(sentences_in(_row(TEXT, ("EMAIL_ADDRESS", "zoe@example.com"), ("PHONE_NUMBER", "12-34")))))

    counted = {row.kind: row[2:] for row in rows if row.half in {"tuned", "measured"}}

    assert counted == {"EMAIL_ADDRESS": (1, 1, "1.000", 0), "PHONE_NUMBER": (1, 0, "0.000", 0)}


def test_a_find_where_nothing_is_labelled_is_a_false_positive() -> None:
    rows = list(scores(list(sentences_in(_row(TEXT)))))

    assert [row.false_positives for row in rows if row.kind == "EMAIL_ADDRESS"] == [1]


def test_a_label_counts_only_if_all_of_it_was_found() -> None:
    [score] = [
        row for row in scores(list(sentences_in(_row(TEXT, ("URL", "mail zoe@example.com"))))) if row.kind == "URL"
    ]

    assert isinstance(score, Score)
    assert score.found == 0


def test_half_of_the_sentences_are_for_measuring() -> None:
    made = list(sentences_in("\n".join(sentences("DE", 500))))

    assert 200 < sum(each.is_measured for each in made) < 300


def test_names_are_labels_that_are_not_measured() -> None:
    [sentence] = sentences_in(f"[{_row(TEXT, ('PERSON', 'zoe'))}]")

    assert sentence.labels == ()


@pytest.mark.parametrize("text", ["{", "7", '{"full_text": "zoe@example.com"}', "[7]", '{"spans": []}'])
def test_anything_else_is_told_without_a_word_of_it(text: str) -> None:
    with pytest.raises(StartError, match="labelled sentences") as caught:
        list(sentences_in(text))

    assert "zoe" not in str(caught.value)
