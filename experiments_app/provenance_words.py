"""Provenance for people: sections of lines, and what differs between two of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments_app import words


@dataclass(frozen=True)
class Section:
    title: str
    lines: tuple[tuple[str, str], ...]


OBSERVED = {
    "images": "Image",
    "engine_versions": "Engine version",
    "drivers": "GPU driver",
    "hosts": "Machine",
}


def sections(provenance: Mapping[str, Any]) -> list[Section]:
    """Of what `provenance.whole` gives; sections without a line are left out."""
    found = [
        Section("Measured with", tuple(_observed(provenance.get("observed") or {}))),
        Section("Versions", tuple((provenance.get("versions") or {}).items())),
        Section("Hardware", tuple(_hardware(provenance.get("hardware") or {}))),
        Section("Settings", tuple((provenance.get("settings") or {}).items())),
        Section("Model and load", tuple(_load(provenance))),
    ]
    return [section for section in found if section.lines]


def lines(provenance: Mapping[str, Any]) -> dict[str, str]:
    """All lines by `section: name`, to be compared."""
    return {
        f"{section.title}: {name}": text
        for section in sections(provenance)
        for name, text in section.lines
    }


def _observed(observed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, name in OBSERVED.items():
        if texts := observed.get(key):
            yield name, "; ".join(texts)


def _hardware(hardware: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, name in (("host", "Host"), ("system", "System"), ("cpu", "CPU")):
        if hardware.get(key):
            yield name, str(hardware[key])
    if hardware.get("physical_cores"):
        logical = hardware.get("logical_cores")
        yield "Cores", f"{hardware['physical_cores']} ({logical} with hyper-threads)"
    if hardware.get("memory_bytes"):
        yield "Memory", words.size(hardware["memory_bytes"])
    for index, gpu in enumerate(hardware.get("gpus") or ()):
        limit = gpu.get("power_limit_w")
        held = f", held to {limit:.0f} W" if limit else ""
        yield f"GPU {index}", f"{gpu['name']}, {words.size(gpu['memory_bytes'])}{held}"


def _load(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if provenance.get("model_revision"):
        yield "Model revision", provenance["model_revision"]
    if dataset := provenance.get("dataset"):
        yield "Data set", f"{dataset['name']}, {dataset['rows']} prompts"
        yield "Data set's SHA-256", dataset["sha256"]
    if provenance.get("seed") is not None:
        yield "Seed", str(provenance["seed"])
    for level, prompts in (provenance.get("observed") or {}).get("prompts", {}).items():
        yield f"Prompts of {level}", prompts
