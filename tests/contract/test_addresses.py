"""Whoever reviews a contract is told of an address that a vendor will call or send people to, and that may be any."""

from pathlib import Path as Folder

import pytest
from small_contracts import ACME, SHIP, found, with_field

from gateway.vocabulary import VendorKind


def _named(name: str, form: str, category: str = "not_personal") -> dict[str, str]:
    files = with_field(category, VendorKind.LOGISTICS, form)
    return files | {SHIP: files[SHIP].replace("$.tested", f"$.parcel.{name}")}


@pytest.mark.parametrize(
    "name",
    ["notify_url", "returnUrl", "CallbackURL", "redirect-uri", "urls.*", "webhook", "href", "notifyurl", "@href"],
)
@pytest.mark.parametrize("form", ["as_is", "{truncate: 35}"])
def test_an_address_that_may_lead_anywhere_is_a_note(name: str, form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named(name, form), level="note") == ["contract.form"]


@pytest.mark.parametrize(
    "form", ["{link: {hosts: [shop.example]}}", "drop", "{replace: none}", "{generalise: url}", "pseudonymise"]
)
def test_an_address_of_a_listed_host_or_one_that_nobody_can_follow_is_none(form: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named("notify_url", form), level="note") == []
    assert found(tmp_path, _named("notify_url", form)) == []


@pytest.mark.parametrize("name", ["curl", "security", "hourly", "callback_id", "reference", "url_count"])
def test_other_names_say_nothing(name: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _named(name, "as_is"), level="note") == []


def _with_urls(urls: str) -> dict[str, str]:
    files = _named("notify_url", "as_is")
    return files | {ACME: files[ACME].replace("token: [", f"urls: {urls}\ntoken: [", 1)}


def test_where_hosts_are_listed_there_is_no_note(tmp_path: Folder) -> None:
    files = _with_urls("[shop.example, 'http://cdn.shop.example:8080', 'shopapp://paid']")

    assert found(tmp_path, files, level="note") == []
    assert found(tmp_path, files) == []


@pytest.mark.parametrize("url", ["https://shop.example/path", "*.shop.example", "SHOP.example", "", "zoe@shop.example"])
def test_what_is_no_host_does_not_load(url: str, tmp_path: Folder) -> None:
    assert found(tmp_path, _with_urls(f"['{url}']")) == ["contract.value"]
