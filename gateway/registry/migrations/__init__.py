"""The tables of the registry, revision by revision; what stands in one that was released never changes."""
