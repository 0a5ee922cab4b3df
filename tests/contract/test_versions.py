"""Two versions of the policy are compared field by field, and category by category."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.model import PolicyDraft
from gateway.contract.versions import NOBODYS, changes, received, says
from gateway.vocabulary import ALLOWANCE, Category, Purpose, VendorKind, Verdict

DIGESTS = [f"sha256:{digit * 64}" for digit in "01"]
covers = st.lists(st.sampled_from(["address.*", *(each.value for each in Category)]), max_size=4).map(tuple)
versions = st.builds(
    PolicyDraft,
    version=st.just("2"),
    document=st.sampled_from(DIGESTS),
    purposes=st.lists(st.sampled_from(Purpose), max_size=5).map(tuple),
    vendor_kinds=st.lists(st.sampled_from(VendorKind), max_size=3).map(tuple),
    receives=st.dictionaries(st.sampled_from(VendorKind), covers, max_size=3),
)


def effect(version: PolicyDraft) -> set[tuple[str, str]]:
    """All that a version lets go, as pairs."""
    said = {("purposes", each.value) for each in version.purposes} | {
        ("kinds", each.value) for each in version.vendor_kinds
    }
    return said | {(kind.value, each.value) for kind in version.vendor_kinds for each in received(version, kind)}


@given(old=versions, new=versions)
def test_a_version_widens_exactly_where_it_lets_something_go_that_the_other_does_not(
    old: PolicyDraft, new: PolicyDraft
) -> None:
    found = list(changes(old, new))

    assert any(each.widens for each in found) is bool(effect(new) - effect(old))
    assert {each.field for each in found if each.field == "document"} == (
        {"document"} if old.document != new.document else set()
    )
    back = {each.field: (each.removed, each.added) for each in changes(new, old)}
    assert {each.field: (each.added, each.removed) for each in found} == back


@given(version=versions)
def test_what_is_written_in_another_order_says_the_same(version: PolicyDraft) -> None:
    turned = version.model_copy(
        update={
            "purposes": version.purposes[::-1],
            "vendor_kinds": version.vendor_kinds[::-1],
            "receives": {kind: several[::-1] for kind, several in reversed(version.receives.items())},
        }
    )

    assert says(turned) == says(version)
    assert list(changes(version, version)) == []


@given(one=versions, other=versions)
def test_versions_that_say_the_same_have_no_changes_between_them(one: PolicyDraft, other: PolicyDraft) -> None:
    if says(one) == says(other):
        assert list(changes(one, other)) == []


@pytest.mark.parametrize("kind", VendorKind)
def test_of_a_kind_of_which_nothing_is_said_the_closed_lists_count(kind: VendorKind) -> None:
    silent = PolicyDraft(version="1", document=DIGESTS[0], purposes=(), vendor_kinds=(kind,))
    closed = PolicyDraft(version="1", document=DIGESTS[0], purposes=(), vendor_kinds=(kind,), receives={kind: ()})

    never = {each for each in Category if ALLOWANCE[each][kind].verdict in (Verdict.NO, Verdict.NEVER)}
    assert set(received(silent, kind)) == set(Category) - never - NOBODYS
    assert received(closed, kind) == ()
