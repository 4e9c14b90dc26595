"""A run as one HTML file that needs neither this site nor a network to be read."""
