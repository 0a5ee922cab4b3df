"""Bytes to documents and back: one codec a file, all behind one Protocol."""
