"""Data sets: the users' own prompts for the benchmark, from files that nobody vouches for."""
