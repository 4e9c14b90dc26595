"""The site's data in one file, and back, while the site runs."""
