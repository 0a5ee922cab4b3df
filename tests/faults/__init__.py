"""Everything that can happen to a ledger, and what must hold after it."""
