from datetime import timedelta

from django.utils import timezone

from experiments_app.models import Experiment
from experiments_app.steps import Step, steps_of

NOW = timezone.now()


def experiment(**progress: object) -> Experiment:
    return Experiment(
        created_at=NOW - timedelta(seconds=12),
        started_at=NOW - timedelta(seconds=10) if progress else None,
        progress=progress,
    )


def states(steps: list[Step]) -> dict[str, str]:
    return {step.name: step.state for step in steps}


def test_all_steps_are_to_come_before_there_is_an_experiment() -> None:
    found = states(steps_of(None, NOW, in_container=False))
    assert found.pop("Wait") == "now"
    assert set(found.values()) == {"to-come"}


def test_it_waits_until_a_worker_begins() -> None:
    first = steps_of(experiment(), NOW, in_container=False)[0]
    assert (first.state, first.seconds) == ("now", 12)


def test_what_has_passed_has_its_seconds_and_what_is_now_goes_on() -> None:
    progress = experiment(
        phase="warming_up",
        passed={"preparing": 0.5, "checking_model": 1.0, "starting": 4.5},
        since=NOW.timestamp() - 3,
    )
    steps = {step.name: step for step in steps_of(progress, NOW, in_container=False)}
    assert steps["Wait"].seconds == 2
    assert steps["Prepare"].seconds == 1.5
    assert steps["Start"].seconds == 4.5
    assert steps["Warm-up"].state == "now"
    assert steps["Warm-up"].seconds == 3
    assert steps["Measure"].state == "to-come"


def test_it_counts_the_levels() -> None:
    progress = experiment(phase="measuring", level=2, levels=3, since=NOW.timestamp())
    notes = [step.note for step in steps_of(progress, NOW, in_container=False)]
    assert "level 2 of 3" in notes


def test_only_a_container_needs_an_image_and_not_each_time() -> None:
    progress = experiment(phase="starting", passed={"preparing": 1.0})
    assert "Pull" not in states(steps_of(progress, NOW, in_container=False))
    assert states(steps_of(progress, NOW, in_container=True))["Pull"] == "skipped"


def test_it_takes_progress_without_times() -> None:
    steps = steps_of(experiment(phase="starting"), NOW, in_container=False)
    assert states(steps)["Start"] == "now"
    assert states(steps)["Prepare"] == "done"
