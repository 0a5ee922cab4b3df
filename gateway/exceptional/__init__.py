"""Disclosures outside contracts: legal compulsion, protection of rights, emergency. No other kind has a way."""
