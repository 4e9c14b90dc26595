"""A configuration in the forms in which it is taken along, as the pages show them."""

from dataclasses import dataclass

from experiments_app.artefacts import artefacts_of
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec


@dataclass(frozen=True)
class AnswerText:
    """`key` is the id of what is copied; `kind` and `file_name` are those of the file; `note` says
    what must be known of it."""

    key: str
    title: str
    text: str
    note: str = ""
    kind: str = ""
    file_name: str = ""


def answer_texts(spec: TaskSpec, experiment: Experiment) -> list[AnswerText]:
    """What this site can say of it."""
    return [
        AnswerText(
            key=f"best-{made.kind}",
            title=made.title,
            text=made.text,
            note=" ".join(made.notes),
            kind=made.kind,
            file_name=made.file_name,
        )
        for made in artefacts_of(spec, experiment)
    ]
