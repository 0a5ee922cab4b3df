"""Vendors played on this machine from their contracts, for trying out and for the demo."""
