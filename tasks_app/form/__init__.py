"""The task form: its sections and rows, what a field holds, and what is said beside it."""
