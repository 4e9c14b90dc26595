"""What this host has to measure on."""

from pathlib import Path


def gpu_count() -> int:
    """NVIDIA GPUs that the driver shows; 0 without a driver."""
    return sum(path.name[6:].isdecimal() for path in Path("/dev").glob("nvidia[0-9]*"))
