"""What is done to many tasks at once: which they are, and one field changed in each."""
