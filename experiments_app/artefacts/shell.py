"""Flags and commands for a shell, and the scripts that they come in."""

import shlex
from collections.abc import Iterable, Sequence

from experiments_app.artefacts.base import Artefact, comment
from experiments_app.artefacts.subject import Subject

NO_FLAGS = "the defaults: no flags"
SCRIPT = "#!/bin/sh\n"


def flags(subject: Subject) -> Artefact | None:
    """The flags alone, as a shell would read them; not where the runtime was removed since."""
    if subject.flags is None:
        return None
    text = shlex.join(subject.flags) or NO_FLAGS
    return Artefact("flags", "Flags", text, f"{subject.name}-flags.txt")


def command(subject: Subject) -> Artefact | None:
    """The command of the process that was measured; its file sets the environment as well."""
    if not subject.command:
        return None
    head = SCRIPT + comment(f"The server as it was measured: {subject.title}.") + "set -eu\n"
    for name, value in subject.environment.items():
        if name in subject.secrets:
            head += _asked_for(name)
        else:
            head += f"export {name}={_value(value)}\n"
    text = shlex.join(subject.command)
    return Artefact("command", "Command", text, f"{subject.name}.sh", f"{head}exec ")


def docker_run(subject: Subject) -> Artefact | None:
    """`docker run …`: a secret is taken from the shell's own environment."""
    container = subject.container
    if container is None:
        return None
    head = SCRIPT + comment(f"The container as it was measured: {subject.title}.") + "set -eu\n"
    head += "".join(map(_asked_for, sorted(container.secrets)))
    notes = (subject.not_measured_so, local_image_note(container.image), secrets_note(subject))
    return Artefact(
        "docker-run",
        "docker run",
        in_lines(container.shell_command()),
        f"{subject.name}-docker-run.sh",
        head,
        tuple(filter(None, notes)),
    )


def in_lines(words: Sequence[str]) -> str:
    """A `docker run` over several lines: an option each, the image, a flag each with its value."""
    first = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    image = next((i for i in range(first, len(words)) if words[i][:2] != "--"), len(words))
    quoted = [shlex.quote(word) for word in words]
    lines = [" ".join(quoted[: first + 1]), *quoted[first + 1 : image], *_wrapped(quoted[image:])]
    return " \\\n  ".join(lines)


def _wrapped(words: Iterable[str]) -> list[str]:
    """The image on a line of its own, then each flag with its value."""
    image, *rest = words
    lines = [image]
    for word in rest:
        is_value = not word.startswith("-") and len(lines) > 1 and " " not in lines[-1]
        if is_value and lines[-1].startswith("-") and "\n" not in word:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _value(text: str) -> str:
    """Of an assignment, where a further `=` would look like a comparison."""
    quoted = shlex.quote(text)
    return f"'{quoted}'" if quoted.startswith("=") else quoted


def _asked_for(name: str) -> str:
    return f': "${{{name}:?is a secret: set it before}}"\nexport {name}\n'


def local_image_note(image: str) -> str:
    if not image.startswith("sha256:"):
        return ""
    return "No registry has this image: it is named by its id, which only this machine knows."


def secrets_note(subject: Subject) -> str:
    names = subject.container.secrets if subject.container else frozenset()
    if not names:
        return ""
    return f"Secrets are taken from the shell that starts it: {', '.join(sorted(names))}."
