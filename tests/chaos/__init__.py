"""Kills at random moments of real tasks: what must hold after each of them."""
