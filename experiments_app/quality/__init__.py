"""Whether a configuration still answers as the default does: greedy answers, compared."""
