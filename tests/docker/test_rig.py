"""The engine that the other tests rely on is what they take it for."""

from docker.types import DeviceRequest

from tests.docker_images import PYTHON_IMAGE, image
from tests.docker_rig import PrivateDockerd


def test_it_has_nothing_of_another_engine(dockerd: PrivateDockerd) -> None:
    with dockerd.client() as client:
        assert client.containers.list(all=True) == []
        assert str(dockerd.folder) in client.info()["DockerRootDir"]


def test_it_takes_gpu_requests_and_tells_the_container(dockerd: PrivateDockerd) -> None:
    with dockerd.client() as client:
        told = client.containers.run(
            image(dockerd, PYTHON_IMAGE),
            ["/bin/env"],
            device_requests=[DeviceRequest(device_ids=["GPU-1", "GPU-2"], capabilities=[["gpu"]])],
            network="host",
        )
    assert b"NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-2" in told


def test_it_holds_images_across_a_restart(dockerd: PrivateDockerd, llamacpp_image: str) -> None:
    dockerd.restart()
    with dockerd.client() as client:
        assert client.images.get(llamacpp_image).attrs["Config"]["Entrypoint"] == [
            "/app/llama-server"
        ]
