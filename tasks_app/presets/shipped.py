"""The presets that come with the product: files `<runtime>/<name>.yaml` beside this module."""

from functools import cache
from pathlib import Path

from tasks_app.documents import load_document, read_text
from tasks_app.presets.document import PresetDocument
from tasks_app.presets.info import SHIPPED, PresetInfo

DIRECTORY = Path(__file__).parent
ORDER = ("quick-look", "latency", "throughput", "memory")


@cache
def shipped_presets() -> tuple[PresetInfo, ...]:
    """All of them: by runtime, the quick look first."""
    files = sorted(DIRECTORY.glob("*/*.yaml"), key=lambda file: (file.parent.name, _place(file)))
    return tuple(read_shipped(file) for file in files)


def read_shipped(file: Path) -> PresetInfo:
    """Raises DocumentError or SpecError: a test reads every file."""
    preset = PresetDocument.from_data(load_document(read_text(file)))
    key = f"{SHIPPED}:{file.parent.name}:{file.stem}"
    return PresetInfo(key=key, is_shipped=True, **preset.to_data())


def _place(file: Path) -> tuple[int, str]:
    return ORDER.index(file.stem) if file.stem in ORDER else len(ORDER), file.stem
