"""What other programs ask the site: whether it is well, and its figures."""
