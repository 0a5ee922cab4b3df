"""What people read in the place of our words: for every word, in both languages, and never the same twice."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from gateway.contract.form import ONLY_IN_ANSWERS, PLAIN, WITH_ARGUMENT
from gateway.vocabulary import (
    BASES,
    FORMS_FOR_ANY,
    Category,
    LegalBasis,
    Purpose,
    SubjectRole,
    TransferMechanism,
    VendorKind,
    VendorRole,
    labels,
    wording,
)

LISTS: list[tuple[Mapping[Any, labels.Label], type[StrEnum]]] = [
    (labels.CATEGORY_LABELS, Category),
    (labels.PURPOSE_LABELS, Purpose),
    (labels.BASIS_LABELS, LegalBasis),
    (labels.KIND_LABELS, VendorKind),
    (labels.ROLE_LABELS, VendorRole),
    (wording.SUBJECT_ROLE_LABELS, SubjectRole),
    (wording.OTHERS_LABELS, SubjectRole),
    (wording.TRANSFER_LABELS, TransferMechanism),
]


@pytest.mark.parametrize(("table", "closed"), LISTS, ids=lambda each: getattr(each, "__name__", ""))
def test_every_word_has_a_label_of_its_own_in_both_languages(
    table: Mapping[Any, labels.Label], closed: type[StrEnum]
) -> None:
    assert set(table) == set(closed)
    for texts in ([each.en for each in table.values()], [each.zh for each in table.values()]):
        assert all(texts)
        assert len(set(texts)) == len(texts)


def test_every_form_in_which_something_leaves_has_a_label() -> None:
    assert set(labels.FORM_LABELS) == (PLAIN | WITH_ARGUMENT) - FORMS_FOR_ANY - ONLY_IN_ANSWERS


def test_every_right_that_follows_from_a_basis_has_a_label() -> None:
    assert set(wording.RIGHT_LABELS) == {right for basis in BASES.values() for right in basis.rights}
