"""How sure the figures of one load level are, from its own requests. Pure functions."""
