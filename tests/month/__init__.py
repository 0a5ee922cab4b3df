"""A month of a shop in front of a real gateway: what its reports say against what the shop itself has counted."""
