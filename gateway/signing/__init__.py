"""Signatures over what really leaves: one module for each scheme, and one that finds those of callers."""
