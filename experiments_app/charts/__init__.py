"""Charts in two steps: data (pure, tested without pixels), then drawing (Vega-Lite to SVG)."""
