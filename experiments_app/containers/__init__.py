"""Containers: what one is described by, and how this site's are made, watched and removed."""
