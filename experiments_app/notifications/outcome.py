"""How one try to send something went."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone


@dataclass(frozen=True)
class Outcome:
    """`status`: HTTP's, where there was an answer. `answer`: the begin of what it said.

    `is_final`: trying again would not help. `is_gone`: nobody wants to hear of it any more.
    """

    is_ok: bool = False
    status: int | None = None
    error: str = ""
    answer: str = ""
    duration_s: float = 0.0
    is_final: bool = False
    is_gone: bool = False

    def to_data(self) -> dict[str, Any]:
        """As it is kept with the delivery."""
        return {
            "at": timezone.now().isoformat(timespec="seconds"),
            "ok": self.is_ok,
            "status": self.status,
            "duration_s": round(self.duration_s, 3),
            "error": self.error,
            "answer": self.answer,
        }
