GENAI_BENCH_VERSION = "0.0.5"
"""The one that our launcher's patches are made for; pyproject.toml pins the same."""
