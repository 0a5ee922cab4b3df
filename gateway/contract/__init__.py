"""The contract language: what may leave, to whom, on what grounds."""
