"""Tuning in a CI job: gates that decide its exit code, and summaries for a pull request."""
