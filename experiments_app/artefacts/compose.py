"""A Compose file."""

from experiments_app.artefacts.base import Artefact, comment
from experiments_app.artefacts.shell import local_image_note, secrets_note
from experiments_app.artefacts.subject import Subject
from experiments_app.containers.compose import compose_file


def compose(subject: Subject) -> Artefact | None:
    container = subject.container
    if container is None:
        return None
    notes = (subject.not_measured_so, local_image_note(container.image), secrets_note(subject))
    told = tuple(filter(None, notes))
    head = comment(f"The container as it was measured: {subject.title}.", *told)
    text = compose_file(container, subject.name)
    return Artefact("compose", "Compose", text, f"{subject.name}-compose.yaml", head, told)
