"""Tells people, and programs of theirs, that a task has ended, failed, or waits for somebody."""
