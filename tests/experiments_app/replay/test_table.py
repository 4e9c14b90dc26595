import json
from pathlib import Path
from typing import Any

import pytest

from experiments_app.load_order import Level
from experiments_app.replay.table import Table, TableError, load_table, table_of


def document(**changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "objective": "maximize_throughput",
        "metric": "rate",
        "slo": {"tpot_mean_s": 0.1},
        "parameters": {"tp": [1, 2], "fa": ["on", "off"]},
        "experiments": [
            experiment(1, "on", (4, 10.0, 0.05), (16, 30.0, 0.2)),
            experiment(2, "on", (4, 8.0, 0.05), (4, 10.0, 0.05)),
            experiment(2, "off", (4, 8.0, 0.5)),
            {**experiment(1, "off"), "status": "failed"},
        ],
        **changes,
    }


def experiment(tp: int, fa: str, *points: tuple[int, float, float]) -> dict[str, Any]:
    rows = [{"concurrency": c, "rate": r, "tpot_mean_s": t} for c, r, t in points]
    return {"parameters": {"tp": tp, "fa": fa}, "measurements": rows}


def write(folder: Path, data: object) -> Path:
    path = folder / "table.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def table(**changes: Any) -> Table:
    return table_of(document(**changes))


def test_the_score_is_the_highest_feasible_rate_and_repeats_are_averaged() -> None:
    assert table().scores == (10.0, 9.0, None, None)
    assert table().best == 10.0


def test_only_what_was_measured_is_a_candidate() -> None:
    found = table(experiments=document()["experiments"][:3])
    assert found.space.size() == 3
    assert not found.space.allows({"tp": 1, "fa": "off"})
    assert found.space.restrict({"tp": 2, "fa": "on", "fixed": 1}) == {"tp": 2, "fa": "on"}


def test_a_latency_needs_every_level() -> None:
    found = table(objective="minimize_latency")
    assert found.scores == (None, None, None, None)


def test_a_latency_is_the_mean_over_the_levels() -> None:
    rows = [experiment(1, "on", (4, 1.0, 0), (8, 3.0, 0)), experiment(2, "on", (4, 1.0, 0))]
    found = table(objective="minimize_latency", slo={}, experiments=rows)
    assert found.scores == (2.0, None)
    assert found.regret(3.0) == pytest.approx(0.5)


def test_scenarios_are_averaged_geometrically() -> None:
    rows = experiment(1, "on", (4, 4.0, 0), (4, 9.0, 0))
    rows["measurements"][1]["scenario"] = "D(1,1)"
    assert table(experiments=[rows]).best == pytest.approx(6.0)


def test_too_many_errors_are_infeasible() -> None:
    rows = experiment(1, "on", (4, 4.0, 0), (8, 9.0, 0))
    rows["measurements"][1]["error_rate"] = 0.02
    assert table(experiments=[rows]).best == 4.0


def test_a_parameter_may_be_a_range_or_left_out() -> None:
    rows = [experiment(1, "on", (4, 4.0, 0)), experiment(3, "on", (4, 5.0, 0))]
    del rows[1]["parameters"]["fa"]
    found = table(experiments=rows, parameters={"tp": {"low": 1, "high": 4}, "fa": ["on"]})
    assert found.space.allows({"tp": 3, "fa": None})


def test_a_past_task_tells_what_every_configuration_was() -> None:
    trials = table().as_past_task().trials
    assert [t.status for t in trials] == ["success", "success", "success", "failed"]
    assert [t.feasible for t in trials] == [True, True, False, None]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("{", "holds no table"),
        ("[]", "holds no table"),
        ({}, "name"),
        (document(objective="fastest"), "objective"),
        (document(experiments=[]), "experiments"),
        (document(metric="speed"), "no configuration is feasible"),
        (document(slo={"tpot_mean_s": 0.001}), "no configuration is feasible"),
        (document(parameters={"tp": [1, 2]}), "sets fa, which is no parameter"),
        (
            document(experiments=[{"parameters": {}, "measurements": [{"rate": 1.0}]}]),
            "no concurrency",
        ),
        (document(parameters={"tp": {"from": 1}, "fa": ["on", "off"]}), "parameters.tp"),
    ],
)
def test_it_says_what_is_wrong_with_a_table(tmp_path: Path, data: object, complaint: str) -> None:
    with pytest.raises(TableError, match=complaint):
        load_table(write(tmp_path, data))


def test_it_says_that_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="No such file"):
        load_table(tmp_path / "none.json")


def test_levels_are_kept_apart_by_concurrency() -> None:
    assert table().levels == {Level("", 4), Level("", 16)}
