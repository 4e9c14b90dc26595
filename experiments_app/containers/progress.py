"""How far the pull of an image is, from the events that the engine sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PullProgress:
    """How far a pull is. Bytes that are known so far: sizes come layer by layer."""

    image: str
    done_bytes: int
    total_bytes: int
    layers_done: int
    layers: int


@dataclass
class Layers:
    """What the events of a pull add up to."""

    image: str
    sizes: dict[str, int] = field(default_factory=dict)
    fetched: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> None:
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        detail = event.get("progressDetail") or {}
        if not layer or status.startswith("Pulling from"):
            return
        self.seen.add(layer)
        if status == "Downloading" and detail.get("total"):
            self.sizes[layer] = int(detail["total"])
            self.fetched[layer] = int(detail.get("current", 0))
        elif status in {"Download complete", "Extracting", "Pull complete", "Verifying Checksum"}:
            self.fetched[layer] = self.sizes.get(layer, 0)
        if status in {"Pull complete", "Already exists"}:
            self.done.add(layer)

    @property
    def progress(self) -> PullProgress:
        return PullProgress(
            self.image,
            sum(self.fetched.values()),
            sum(self.sizes.values()),
            len(self.done),
            len(self.seen),
        )

    @property
    def words(self) -> str:
        now = self.progress
        return f"{now.layers_done} of {now.layers} layers, {now.done_bytes / 1e6:,.0f} MB"
