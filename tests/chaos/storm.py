"""A site with a queue of real tasks, whose processes are killed at random moments.

After each kill the task must go on by itself, what was finished must stand untouched, and in the
end nothing may be lost, doubled or left over. The seed makes the same choices again; what the
machine does between them is its own.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments_app.leases import MAX_ATTEMPTS
from tests.chaos.victims import Victims
from tests.docker_rig import PrivateDockerd
from tests.system.site import Site
from tests.waiting import wait_for

RECOVERED_WITHIN_S = 120
EXPERIMENT_S = 6.0
UNDER_WAY = "status IN ('deploying', 'benchmarking')"
FINISHED = "status IN ('success', 'failed', 'pruned', 'cancelled')"


@dataclass
class Outcome:
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: int = 0
    tasks: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    slowest_recovery_s: float = 0.0


class Storm:
    """Kills on `site`, which runs the tasks that `document(number)` gives one after another."""

    def __init__(
        self,
        site: Site,
        document: Callable[[int], dict[str, Any]],
        *,
        seed: int,
        dockerd: PrivateDockerd | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.site = site
        self.outcome = Outcome()
        self._document = document
        self._dockerd = dockerd
        self._random = random.Random(seed)
        self._victims = Victims(site, dockerd)
        self._say = say
        self._finished: dict[int, tuple[Any, ...]] = {}
        self._experiments = 0

    def run(self, kills: int) -> Outcome:
        """Until so many kills were survived and the task under way has ended.

        Raises AssertionError with what was lost, doubled, stuck or left over.
        """
        self._victims.serve()
        while self.outcome.recoveries < kills:
            self._start_task()
            while self.outcome.recoveries < kills and not self._has_ended():
                self._strike()
            wait_for(self._has_ended, timeout_s=600, interval_s=0.2)
            self._check_task()
        return self.outcome

    def _start_task(self) -> None:
        self.outcome.tasks += 1
        data = self._document(self.outcome.tasks)
        self._experiments = data["optimization"]["max_iterations"] + 1
        done = self.site.manage("import_task", str(self.site.write_task(data)))
        assert done.returncode == 0, done.stderr
        self.site.start_task(data["task_name"])

    def _strike(self) -> None:
        """Wait for a random moment, kill, and see the task go on."""
        time.sleep(self._random.uniform(0, 1.5 * EXPERIMENT_S))
        name = self._random.choice(sorted(self._victims.kills))
        if self._has_ended():
            return
        before = self._position()
        at = time.monotonic()
        if not self._victims.kills[name]():
            return
        wait_for(
            lambda: self._position() > before or self._has_ended(),
            timeout_s=RECOVERED_WITHIN_S,
            interval_s=0.2,
        )
        took_s = time.monotonic() - at
        self.outcome.kills[name] += 1
        self.outcome.recoveries += 1
        self.outcome.slowest_recovery_s = max(self.outcome.slowest_recovery_s, took_s)
        self._say(f"{self.outcome.recoveries}: {name} killed, went on after {took_s:.1f} s")
        self._check_finished()

    def _position(self) -> tuple[int, int]:
        """How far the site is: experiments ended, attempts begun. It only ever rises."""
        ((ended, attempts),) = self.site.rows(
            f"SELECT SUM({FINISHED}), SUM(attempt) FROM experiments_app_experiment"
        )
        return ended or 0, attempts or 0

    def _has_ended(self) -> bool:
        return not self.site.rows(
            "SELECT 1 FROM tasks_app_task WHERE status IN ('pending', 'running', 'paused')"
        )

    def _check_finished(self) -> None:
        """What was ever seen finished still stands as it was."""
        now = {
            row[0]: row[1:]
            for row in self.site.rows(
                "SELECT e.id, e.status, e.attempt, e.objective_score, e.completed_at,"
                " GROUP_CONCAT(m.id) FROM experiments_app_experiment e"
                " LEFT JOIN experiments_app_measurement m ON m.experiment_id = e.id"
                f" WHERE e.{FINISHED} GROUP BY e.id"
            )
        }
        for pk, row in self._finished.items():
            assert now.get(pk) == row, f"experiment {pk} was {row} and is {now.get(pk)}"
        self._finished = now

    def _check_task(self) -> None:
        self._check_finished()
        experiments = self.site.rows(
            "SELECT e.number, e.status, e.attempt, e.error_kind, e.parameters, e.id FROM"
            " experiments_app_experiment e JOIN tasks_app_task t ON t.id = e.task_id"
            " WHERE t.id = (SELECT MAX(id) FROM tasks_app_task) ORDER BY e.number"
        )
        assert [row[0] for row in experiments] == [*range(self._experiments)], experiments
        tried = Counter(row[4] for row in experiments)
        assert max(tried.values()) == 1, f"tried twice: {tried.most_common(1)}"
        for number, status, attempt, kind, _, _ in experiments:
            assert status in {"success", "failed"}, f"#{number} ended as {status}"
            assert attempt <= MAX_ATTEMPTS, f"#{number} was tried {attempt} times"
            assert bool(kind) == (status == "failed"), f"#{number} {status}: {kind!r}"
            self.outcome.statuses[status] += 1
            self.outcome.retried += attempt > 1
            if kind:
                self.outcome.causes[kind] += 1
        unmeasured = [row for row in experiments if row[1] == "success" and not self._levels(row)]
        assert not unmeasured, f"succeeded without a measurement: {unmeasured}"
        wait_for(lambda: not self._left_over(), timeout_s=90, interval_s=0.5)

    def _levels(self, experiment: tuple[Any, ...]) -> int:
        of_it = f"WHERE experiment_id = {experiment[5]}"
        ((count,),) = self.site.rows(f"SELECT COUNT(*) FROM experiments_app_measurement {of_it}")
        return int(count)

    def _left_over(self) -> list[str]:
        """What no running experiment owns and is there all the same."""
        left = [
            f"lease {row[0]}"
            for row in self.site.rows("SELECT resource FROM experiments_app_resourcelease")
        ]
        for process in self.site.children():
            line = " ".join(process.cmdline())
            if "llamacpp.server" in line or "benchmark.launcher" in line:
                left.append(f"process {line}")
        if self._dockerd is not None:
            with self._dockerd.client() as client:
                left += [f"container {c.name}" for c in client.containers.list(all=True)]
        return left + [f"file {path}" for path in self.temporary.iterdir()]

    @property
    def temporary(self) -> Path:
        """Where the site's processes put temporary files: empty once a task has ended."""
        return self.site.home / "tmp"
