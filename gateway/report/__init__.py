"""Reports: one query and one table of columns each."""
