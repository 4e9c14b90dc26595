"""The checks of `doctor` for pages: in groups that are asked for one by one, for some take long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_app.doctor import Finding, examine
from experiments_app.system.outcome import Verdict

TITLES: Mapping[str, str] = {
    "python": "Python",
    "home": "Data folder",
    "database": "Database",
    "queue": "Queue",
    "disk": "Disk",
    "load": "Other load",
    "genai-bench": "Load client",
    "runtimes": "Runtimes",
    "ports": "Ports",
    "settings": "Settings",
    "docker": "Docker",
    "nvidia": "GPUs in containers",
    "gpus": "GPUs",
    "images": "Images",
    "hub-cache": "Model cache",
    "proxy": "Proxy",
    "hub": "Hub",
}


@dataclass(frozen=True)
class CheckGroup:
    name: str
    title: str
    needed_for: str
    checks: Sequence[str]


GROUPS: Mapping[str, CheckGroup] = {
    group.name: group
    for group in (
        CheckGroup(
            "machine",
            "This machine",
            "Needed for every task.",
            (
                "python",
                "home",
                "database",
                "queue",
                "disk",
                "genai-bench",
                "runtimes",
                "ports",
                "settings",
            ),
        ),
        CheckGroup(
            "quiet",
            "A quiet machine",
            "Needed for figures that hold.",
            ("load",),
        ),
        CheckGroup(
            "containers",
            "Docker and GPUs",
            "Needed for SGLang and vLLM; llama.cpp runs without.",
            ("docker", "nvidia", "gpus", "images"),
        ),
        CheckGroup(
            "hub",
            "Hugging Face hub",
            "Needed for models that are not on this machine yet.",
            ("hub-cache", "proxy", "hub"),
        ),
    )
}


@dataclass(frozen=True)
class CheckedGroup:
    """A group and what was found."""

    group: CheckGroup
    findings: Sequence[Finding]

    @property
    def faults(self) -> int:
        return sum(finding.verdict is Verdict.FAULT for finding in self.findings)

    @property
    def open_ones(self) -> list[tuple[str, Finding]]:
        """What is to be mended or known, with its title; the worst first."""
        found = [finding for finding in self.findings if finding.verdict is not Verdict.OK]
        found.sort(key=lambda finding: finding.verdict is not Verdict.FAULT)
        return [(TITLES[finding.name], finding) for finding in found]

    @property
    def fine_ones(self) -> list[tuple[str, Finding]]:
        return [
            (TITLES[finding.name], finding)
            for finding in self.findings
            if finding.verdict is Verdict.OK
        ]


def check(name: str) -> CheckedGroup:
    group = GROUPS[name]
    return CheckedGroup(group, list(examine(group.checks)))
