"""What every form of a deployment is."""

from collections.abc import Callable
from dataclasses import dataclass

from experiments_app.artefacts.subject import Subject


@dataclass(frozen=True)
class Artefact:
    """`text` is what is copied, `head` what a file of it begins with; `notes` say what must be
    known of it."""

    kind: str
    title: str
    text: str
    file_name: str
    head: str = ""
    notes: tuple[str, ...] = ()

    @property
    def file_text(self) -> str:
        return f"{self.head}{self.text.rstrip()}\n"


Maker = Callable[[Subject], Artefact | None]


def comment(*lines: str) -> str:
    """Lines of a shell script, a unit or YAML, each one line whatever stands in it."""
    return "".join(f"# {one_line(line)}\n" for line in lines if line)


def one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())
