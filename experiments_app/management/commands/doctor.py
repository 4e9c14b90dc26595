from typing import Any

from autotuner_site.commands import FAILURE, SUCCESS, SiteCommand
from experiments_app.doctor import examine
from experiments_app.system.outcome import Verdict

MARKS = {Verdict.OK: "ok      ", Verdict.WARNING: "warning ", Verdict.FAULT: "FAULT   "}


class Command(SiteCommand):
    prepares_database = False
    help = (
        "Check what the site needs on this machine: Docker, GPUs, genai-bench, disk, ports, proxy,"
        " hub, database. Each finding says how to mend it; exit code 1 when one must be mended."
    )
    offers_json = True
    requires_system_checks = ()

    def run(self, *, json: bool, **options: Any) -> int:
        findings = list(examine())
        ok = all(finding.verdict is not Verdict.FAULT for finding in findings)
        if json:
            self.print_json({"ok": ok, "checks": [finding.to_data() for finding in findings]})
        else:
            for finding in findings:
                self.print(f"{MARKS[finding.verdict]}{finding.name:<12}{finding.message}")
                if finding.remedy:
                    self.print(f"{'':20}{finding.remedy}")
        return SUCCESS if ok else FAILURE
