"""Preset files: one preset, or several under `presets`; YAML or JSON in, YAML out."""

from collections.abc import Sequence
from typing import Any

from tasks_app.documents import DocumentError, load_document
from tasks_app.presets.document import PresetDocument, check_preset
from tasks_app.presets.info import PresetInfo
from tasks_app.problems import Problem, SpecError
from tasks_app.runtimes.catalogue import RuntimeCatalogue
from tasks_app.taskfile import dump_document

MAX_PRESETS = 200


def load_presets(
    text: str, *, catalogue: RuntimeCatalogue
) -> tuple[list[PresetDocument], list[Problem]]:
    """The presets that a text holds, and warnings. Raises SpecError with every problem found."""
    try:
        data = load_document(text)
    except DocumentError as error:
        raise SpecError([Problem("", str(error))]) from error
    documents = _documents_in(data)
    presets: list[PresetDocument] = []
    warnings: list[Problem] = []
    problems: list[Problem] = []
    for index, document in enumerate(documents):
        prefix = f"presets[{index}]" if len(documents) > 1 else ""
        try:
            preset, advice = check_preset(document, catalogue=catalogue)
        except SpecError as error:
            problems += [_under(prefix, problem) for problem in error.problems]
        else:
            presets.append(preset)
            warnings += [_under(prefix, warning) for warning in advice]
    if problems:
        raise SpecError(problems)
    return presets, warnings


def dump_presets(presets: Sequence[PresetInfo]) -> str:
    """A file that `load_presets` reads."""
    if len(presets) == 1:
        return dump_document(presets[0].to_data())
    return dump_document({"presets": [preset.to_data() for preset in presets]})


def _documents_in(data: Any) -> list[Any]:
    if data is None:
        raise SpecError([Problem("", "there is nothing in it", "give a file, or paste its text")])
    if isinstance(data, dict) and data.keys() == {"presets"}:
        data = data["presets"]
        if not isinstance(data, list):
            raise SpecError([Problem("presets", "must be a list of presets")])
    documents = data if isinstance(data, list) else [data]
    if not documents:
        raise SpecError([Problem("presets", "there is no preset in it")])
    if len(documents) > MAX_PRESETS:
        problem = f"holds {len(documents):,} presets, more than {MAX_PRESETS}"
        raise SpecError([Problem("presets", problem, "split the file")])
    return documents


def _under(prefix: str, problem: Problem) -> Problem:
    path = ".".join(part for part in (prefix, problem.path) if part)
    return Problem(path, problem.message, problem.suggestion)
