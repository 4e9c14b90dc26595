import pytest

from tasks_app.slips import slip_of

KNOWN = (
    *("tp-size", "page-size", "max-num-seqs", "gpu-memory-utilization", "chunked-prefill-size"),
    *("fp8-gemm-backend", "encode-backend", "enable-lora", "seed"),
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pt-size", "tp-size"),
        ("tpsize", "tp-size"),
        ("TP-Size", "tp-size"),
        ("page-sizes", "page-size"),
        ("page-sise", "page-size"),
        ("max-num-seq", "max-num-seqs"),
        ("maxnum-seqs", "max-num-seqs"),
        ("gpu-memory-utilisation", "gpu-memory-utilization"),
        ("gpu-memory-utilizatoin", "gpu-memory-utilization"),
        ("chunked-perfill-size", "chunked-prefill-size"),
    ],
)
def test_it_knows_a_slip(name: str, meant: str) -> None:
    assert slip_of(name, KNOWN) == meant


@pytest.mark.parametrize(
    "name",
    [
        "cp-size",
        "fp4-gemm-backend",
        "decode-backend",
        "disable-lora",
        "enable-lora-overlap",
        "page-count",
        "max-num-reqs-waiting",
        "gpu-utilization",
    ],
)
def test_it_leaves_a_name_that_may_be_new(name: str) -> None:
    assert slip_of(name, KNOWN) is None


def test_it_knows_nothing_without_names() -> None:
    assert slip_of("tp-size", ()) is None
