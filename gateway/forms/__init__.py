"""The forms in which a value may leave: one table of changes, and a module for each that has a grammar or a key."""
