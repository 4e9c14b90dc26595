"""A systemd unit for what was measured as a process.

Quoting as in systemd.syntax(7) and systemd.service(5): C escapes in double quotes; `%` begins a
specifier everywhere, `$` a variable in a command alone, and each stands for itself when doubled.
"""

import getpass
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from experiments_app.artefacts.base import Artefact, comment, one_line
from experiments_app.artefacts.subject import Subject

# What a server that reads a model and answers HTTP does not need. Its caches stay writable.
HARDENING = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "PrivateTmp=yes",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "UMask=0077",
)
WITHOUT_GPUS = "PrivateDevices=yes"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def systemd_unit(subject: Subject) -> Artefact | None:
    if not subject.command:
        return None
    file_name = f"{subject.name}.service"
    notes = tuple(_notes(subject))
    head = comment(
        f"As it was measured: {subject.title}.",
        f"To /etc/systemd/system/{file_name}; then: systemctl daemon-reload && systemctl enable"
        f" --now {file_name}",
        *notes,
    )
    text = "\n".join(_lines(subject)) + "\n"
    return Artefact("systemd", "systemd", text, file_name, head, notes)


def secrets_file(subject: Subject) -> str:
    return f"/etc/{subject.name}.env"


def _lines(subject: Subject) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description={_description(subject.spec.served_model_name)}"
    yield "Wants=network-online.target"
    yield "After=network-online.target"
    yield ""
    yield "[Service]"
    yield "Type=exec"
    yield f"User={getpass.getuser()}"
    yield f"WorkingDirectory={_plain(str(settings.BASE_DIR))}"
    for name, value in subject.environment.items():
        if name not in subject.secrets:
            yield f"Environment={quoted(f'{name}={value}')}"
    if subject.secrets:
        yield f"EnvironmentFile={secrets_file(subject)}"
    yield f"ExecStart={command_line(subject.command)}"
    yield "Restart=on-failure"
    yield "RestartSec=5"
    yield ""
    yield "# The model is read wherever it lies; nothing but caches is written."
    yield from HARDENING
    if not subject.experiment.gpu_ids:
        yield WITHOUT_GPUS
    for folder in _caches(subject):
        yield f"ReadWritePaths={quoted(f'-{folder}')}"
    yield ""
    yield "[Install]"
    yield "WantedBy=multi-user.target"


def quoted(text: str) -> str:
    """One word of a unit."""
    escaped = "".join(_ESCAPES.get(c, c if c >= " " and c != "\x7f" else _hex(c)) for c in text)
    return '"{}"'.format(escaped.replace("%", "%%"))


def command_line(words: tuple[str, ...]) -> str:
    """Of ExecStart. The program is no place for variables, so its dollars stand alone."""
    program, *arguments = words
    return " ".join([quoted(program), *(quoted(word).replace("$", "$$") for word in arguments)])


def _description(text: str) -> str:
    """A backslash at its end would take the next line along."""
    return one_line(text).rstrip("\\ ").replace("%", "%%")


def _hex(char: str) -> str:
    return f"\\x{ord(char):02x}"


def _plain(path: str) -> str:
    """Where the rest of the line is the value."""
    return path.replace("%", "%%")


def _caches(subject: Subject) -> list[Path]:
    folders = [Path.home() / ".cache"]
    if hub := subject.environment.get("HF_HOME"):
        folders.append(Path(hub))
    return folders


def _notes(subject: Subject) -> Iterator[str]:
    if subject.secrets:
        names = ", ".join(f"{name}=…" for name in sorted(subject.secrets))
        yield (f"Secrets are read from {secrets_file(subject)}, a line each, mode 600: {names}")
