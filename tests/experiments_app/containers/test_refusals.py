import pytest

from experiments_app.containers.refusals import explain
from experiments_app.engine_error import FailureKind


# What real engines say (20.10 to 28).
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            FailureKind.DRIVER_MISSING,
        ),
        (
            "nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown",
            FailureKind.DRIVER_MISSING,
        ),
        (
            "error during container init: error setting rlimit type 8: operation not permitted",
            FailureKind.CONTAINER_REFUSED,
        ),
        (
            (
                "driver failed programming external connectivity: Bind for 127.0.0.1:8000 failed:"
                " port is already allocated"
            ),
            FailureKind.PORT_TAKEN,
        ),
        (
            'exec: "nosuch": executable file not found in $PATH: unknown',
            FailureKind.COMMAND_NOT_FOUND,
        ),
        (
            'invalid mount config for type "bind": bind source path does not exist: /nowhere',
            FailureKind.CONTAINER_REFUSED,
        ),
        ("Minimum memory limit allowed is 6MB", FailureKind.CONTAINER_REFUSED),
        ("No such image: a/b:1", FailureKind.IMAGE_MISSING),
        ("a new complaint", FailureKind.CONTAINER_REFUSED),
    ],
)
def test_it_tells_why_docker_refused(text: str, kind: FailureKind) -> None:
    error = explain(text)

    assert error.kind == kind
    assert text.split("\n", maxsplit=1)[0][:40] in error.message
