"""Calls that a vendor makes, compiled: what of them a service of the shop gets."""

from dataclasses import dataclass

from gateway.contract.compile import Defaults, Source, compile_section
from gateway.contract.model import Hook, Vendor
from gateway.contract.terms import Section
from gateway.vocabulary import Purpose


@dataclass(frozen=True, slots=True)
class HookTerms:
    """What is called `vendor/name`, with the digest of the file that it stands in."""

    vendor: str
    name: str
    hook: Hook
    receiving: Section
    file: str
    digest: str


def hook_terms(vendor: Vendor, name: str, source: Source, digest: str) -> HookTerms:
    """Findings go to `source`, as those of an answer do."""
    hook = vendor.hooks[name]
    section = compile_section(
        hook.receiving, source, ("hooks", name, "receiving"), Defaults((), Purpose.RIGHTS_FULFILMENT)
    )
    return HookTerms(vendor.vendor, name, hook, section, source.file, digest)
