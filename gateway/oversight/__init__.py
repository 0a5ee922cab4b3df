"""Watching over vendors: what they lost, and whom that concerns."""
