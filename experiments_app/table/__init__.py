"""The table of a run's experiments: its columns, what the reader asks for, one page of it."""
