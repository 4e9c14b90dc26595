import pytest

from experiments_app import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.6, "12,346"), (412.345, "412.3"), (61.2, "61.20"), (3.14159, "3.142"),
        (0.412, "0.4120"), (0.03124, "0.03124"), (0.0012345, "0.001234"), (0.0, "0"),
        (1e-9, "0.0000000"),
    ],
)  # fmt: skip
def test_it_writes_four_digits_and_never_an_exponent(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.382, "+38.2%"), (-0.061, "−6.1%"), (-0.0004, "0.0%"), (0.0, "0.0%")]
)
def test_it_signs_changes(ratio: float, text: str) -> None:
    assert words.percent(ratio) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 05 s"), (3840, "1 h 04 min")]
)
def test_it_writes_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "less than a minute left"),
        (50, "about 1 min left"),
        (355, "about 6 min left"),
        (4500, "about 1 h 15 min left"),
    ],
)
def test_it_writes_the_time_left_roughly(seconds: float, text: str) -> None:
    assert words.time_left(seconds) == text


def test_it_writes_what_a_measuring_experiment_does() -> None:
    progress = {
        "phase": "measuring", "scenario": "D(100,50)", "concurrency": 8, "level": 1, "levels": 2,
        "requests": 63, "requests_total": 100,
    }  # fmt: skip
    assert words.phase(progress) == "measuring D(100,50) at concurrency 8 · 63 of 100 requests"


def test_it_says_how_far_an_image_is() -> None:
    progress = {
        "phase": "pulling", "image": "lmsysorg/sglang:v1", "done_bytes": 3 << 30,
        "total_bytes": 8 << 30, "layers_done": 12, "layers": 21,
    }  # fmt: skip
    assert words.phase(progress) == (
        "pulling the image lmsysorg/sglang:v1 · 3.0 GiB of 8.0 GiB · 12 of 21 layers"
    )
    assert words.phase({"phase": "pulling"}) == "pulling the image"


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        ("waiting_for_docker", "waiting for the Docker engine to answer"),
        ("checking_model", "checking model and tokenizer"),
        ("stopping", "stopping"),
    ],
)
def test_it_names_what_happens_around_the_server(phase: str, text: str) -> None:
    assert words.phase({"phase": phase}) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (143, "143 bytes"),
        (7_600, "7.4 KiB"),
        (2**20, "1 MiB"),
        (640 << 20, "640 MiB"),
        (3.25 * 2**30, "3.2 GiB"),
        (128 << 30, "128 GiB"),
    ],
)
def test_it_writes_sizes_for_people(size_bytes: float, text: str) -> None:
    assert words.size(size_bytes) == text


def test_it_grows_from_phase_to_phase() -> None:
    def measuring(level: int, requests: int) -> dict[str, object]:
        return {
            "phase": "measuring", "level": level, "levels": 2,
            "requests": requests, "requests_total": 100,
        }  # fmt: skip

    story: list[dict[str, object]] = [
        {}, {"phase": "preparing"}, {"phase": "pulling"}, {"phase": "starting"},
        {"phase": "warming_up"},
        measuring(1, 0), measuring(1, 50), measuring(2, 0), measuring(2, 100),
        {"phase": "stopping"},
    ]  # fmt: skip
    fractions = [words.phase_fraction(progress) for progress in story]
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1


def test_it_writes_slo_bounds() -> None:
    assert words.slo("ttft_p99_s", 0.5) == "TTFT p99 at most 0.5 s"
    assert words.slo("error_rate", 0.01) == "errors at most 1%"


def test_it_writes_flag_values_as_a_task_file_does() -> None:
    assert [words.flag_value(v) for v in (True, False, None, 4, 0.5, "q8_0")] == [
        "true", "false", "null", "4", "0.5", "q8_0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([1, 4, True, "q8_0"], "1, 4, true, q8_0"),
        ({"low": 64, "high": 512, "step": None, "log": True}, "64 to 512, log scale"),
        ({"low": 0.7, "high": 0.9, "step": 0.05, "log": False}, "0.7 to 0.9 by 0.05"),
    ],
)
def test_it_writes_what_a_parameter_may_be(data: object, text: str) -> None:
    assert words.domain(data) == text
