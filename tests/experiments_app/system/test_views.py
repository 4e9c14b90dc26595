"""The page of this machine, as far as it needs no Docker engine."""

import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from autotuner_site import settings as site
from autotuner_site.roles import Role
from autotuner_site.sealing import KEY_NAME
from experiments_app.gpu_processes import GpuProcess
from experiments_app.hub import remove_cached_model
from experiments_app.models import SiteSetting
from experiments_app.site_settings import DEFINITIONS, store, value_of
from experiments_app.system import removals
from tasks_app.masking import MASK
from tests import factories
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db
COMMIT = "a" * 40


@pytest.fixture(autouse=True)
def nothing_set(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SETTING_SOURCES = {}
    settings.HF_HOME = tmp_path / "hf"
    for name, definition in DEFINITIONS.items():
        setattr(settings, name, definition.default)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(factories.make_user("ada"))
    return client


@pytest.fixture
def user(client: Client) -> Client:
    client.force_login(factories.make_user("bob", role=Role.OPERATOR))
    return client


def text(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def said(response: Any) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def cache_a_model(home: Path, name: str = "org/small") -> Path:
    """A model in the hub's cache, as the hub's library lays it out."""
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (folder / "blobs").mkdir()
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "blobs" / "b1").write_bytes(b"x" * 3_000_000)
    (snapshot / "model.safetensors").symlink_to(folder / "blobs" / "b1")
    return folder


def test_every_setting_of_the_readme_stands_on_the_page(user: Client) -> None:
    page = text(user, "/system/")
    table = (site.BASE_DIR / "README.md").read_text().partition("## Settings")[2]
    rows = [line for line in table.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    names = {word for row in rows for word in row.split("|")[1].split("`")[1::2]}
    assert {name for name in names if f">{name}<" not in page} == set()


def test_the_slow_parts_come_after_the_page(user: Client) -> None:
    page = text(user, "/system/")
    for name in ("docker", "gpus", "containers", "images", "models"):
        assert f'data-hx-get="?show={name}"' in page
        part = text(user, f"/system/?show={name}", **{"HX-Request": "true"})
        assert part.strip().startswith(f'<section class="panel" id="{name}"')
        assert "<html" not in part
        assert 'data-hx-trigger="load"' not in part


def test_without_javascript_a_link_shows_everything(user: Client) -> None:
    page = text(user, "/system/?show=all")
    assert 'data-hx-trigger="load"' not in page
    assert "<html" in page


def test_an_engine_that_is_not_there_is_told_with_what_to_do(user: Client) -> None:
    page = text(user, "/system/?show=docker")
    assert "There is no Docker engine at" in page
    assert "What to do:" in page


def test_secrets_are_masked(staff: Client, settings: Any) -> None:
    store("HF_TOKEN", "hf_secret_token")
    store("HTTPS_PROXY", "http://user:hunter2@proxy:3128")
    store("HF_ENDPOINT", "https://user:hunter3@mirror")
    for path in ("/system/", "/system/settings"):
        page = text(staff, path)
        assert f"http://user:{MASK}@proxy:3128" in page
        assert f"https://user:{MASK}@mirror" in page
        for secret in ("hf_secret_token", "hunter2", "hunter3", settings.SECRET_KEY):
            assert secret not in page


def test_only_administrators_are_offered_changes(user: Client) -> None:
    page = text(user, "/system/?show=all")
    assert "Change settings" not in page
    assert not re.search(r"\bRemove\b", page)


@pytest.mark.parametrize(
    "path",
    [
        "/system/settings",
        f"/system/containers/{'a' * 64}/stop",
        f"/system/images/sha256:{'a' * 64}/remove",
        "/system/models/org/small/remove",
    ],
)
def test_only_administrators_may_change_something(user: Client, path: str) -> None:
    assert user.get(path).status_code == 403
    assert user.post(path, {"HF_TOKEN": "mine"}).status_code == 403
    assert not SiteSetting.objects.exists()


def test_what_an_administrator_sets_is_in_force(staff: Client) -> None:
    response = staff.post("/system/settings", {"HF_TOKEN": "hf_new", "HF_HUB_OFFLINE": "on"})
    assert response.status_code == 302
    assert (value_of("HF_TOKEN"), value_of("HF_HUB_OFFLINE")) == ("hf_new", "1")
    assert SiteSetting.objects.get(name="HF_TOKEN").updated_by.username == "ada"  # type: ignore[union-attr]
    assert said(response) == "Saved: HF_TOKEN, HF_HUB_OFFLINE."


def test_a_mask_that_comes_back_keeps_the_secret(staff: Client) -> None:
    store("HF_TOKEN", "hf_kept")
    store("HTTP_PROXY", "http://user:hunter2@proxy:3128")
    shown = f"http://user:{MASK}@proxy:3128"
    staff.post("/system/settings", {"HF_TOKEN": MASK, "HTTP_PROXY": shown})
    assert value_of("HF_TOKEN") == "hf_kept"
    assert value_of("HTTP_PROXY") == "http://user:hunter2@proxy:3128"


def test_a_masked_password_is_not_sent_to_another_proxy(staff: Client) -> None:
    store("HTTP_PROXY", "http://user:hunter2@proxy:3128")
    response = staff.post("/system/settings", {"HTTP_PROXY": f"http://user:{MASK}@evil:3128"})
    assert response.status_code == 422
    assert "Put the secret in again" in response.content.decode()
    assert value_of("HTTP_PROXY") == "http://user:hunter2@proxy:3128"


def test_an_emptied_field_is_the_default_again(staff: Client) -> None:
    store("NO_PROXY", "intranet.example")
    staff.post("/system/settings", {"NO_PROXY": ""})
    assert value_of("NO_PROXY") == ""


def test_a_secret_is_written_and_never_read(staff: Client) -> None:
    store("HF_TOKEN", "hf_old")
    page = text(staff, "/system/settings")
    assert "hf_old" not in page
    assert f'value="{MASK}' not in page
    assert 'name="HF_TOKEN-clear"' in page
    assert 'name="DOCKER_REGISTRY_PASSWORD-clear"' not in page  # none is set
    staff.post("/system/settings", {"HF_TOKEN": ""})
    assert value_of("HF_TOKEN") == "hf_old"
    staff.post("/system/settings", {"HF_TOKEN": "hf_new", "HF_TOKEN-clear": "on"})
    assert value_of("HF_TOKEN") == "hf_new"
    staff.post("/system/settings", {"HF_TOKEN": "", "HF_TOKEN-clear": "on"})
    assert value_of("HF_TOKEN") == ""


def test_a_secret_that_was_typed_beside_a_mistake_is_asked_for_again(staff: Client) -> None:
    page = staff.post("/system/settings", {"HF_TOKEN": "hf_typed", "HTTP_PROXY": "x"}).text
    assert "hf_typed" not in page
    assert "Put it in again" in page
    assert f'value="{MASK}?"' in page
    assert staff.post("/system/settings", {"HF_TOKEN": f"{MASK}?"}).status_code == 422


def test_a_wrong_value_is_refused_and_not_repeated(staff: Client) -> None:
    response = staff.post("/system/settings", {"HTTP_PROXY": "user:hunter2@proxy", "NO_PROXY": "a"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "This is not an address with http://" in page
    assert not SiteSetting.objects.exists()


def test_what_the_environment_sets_is_said_and_cannot_be_changed(
    staff: Client, settings: Any
) -> None:
    settings.HF_TOKEN = "hf_environment"
    settings.SETTING_SOURCES = {"HF_TOKEN": ".env"}
    assert "which counts before this page" in text(staff, "/system/settings")
    staff.post("/system/settings", {"HF_TOKEN": "hf_browser"})
    assert not SiteSetting.objects.exists()


def test_a_setting_whose_key_is_lost_is_told(staff: Client, settings: Any) -> None:
    store("HTTP_PROXY", "http://proxy:3128")
    (settings.HOME.root / KEY_NAME).unlink()
    assert "Set it again" in text(staff, "/system/")
    staff.post("/system/settings", {})
    assert not SiteSetting.objects.exists()


def test_offline_the_hub_is_not_asked(user: Client, settings: Any) -> None:
    settings.HF_HUB_OFFLINE = True
    response = user.post("/system/test-connection", headers={"HX-Request": "true"})
    page = response.content.decode()
    assert page.strip().startswith('<section class="panel" id="hub"')
    assert "HF_HUB_OFFLINE is set" in page


def test_a_hub_that_cannot_be_reached_is_told_with_what_to_do(user: Client, settings: Any) -> None:
    settings.HF_ENDPOINT = "http://127.0.0.1:9"
    page = user.post("/system/test-connection").content.decode()
    assert "notice-warning" in page
    assert "What to do:" in page


def test_a_cached_model_is_shown_and_removed(staff: Client, settings: Any) -> None:
    folder = cache_a_model(settings.HF_HOME)
    assert "org/small" in text(staff, "/system/?show=models")
    assert "Remove this model?" in text(staff, "/system/models/org/small/remove")
    assert folder.exists()
    response = staff.post("/system/models/org/small/remove")
    assert said(response) == "org/small is removed."
    assert not folder.exists()


def test_a_model_whose_removal_takes_long_is_shown_as_going(
    staff: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk, which is not here: the removal begins when it is told to."""
    folder = cache_a_model(settings.HF_HOME)
    begin = threading.Event()
    monkeypatch.setattr(removals, "WAIT_S", 0.05)
    monkeypatch.setattr(
        "experiments_app.system.stored.remove_cached_model",
        lambda *given: begin.wait(10) and remove_cached_model(*given),
    )
    response = staff.post("/system/models/org/small/remove")
    assert said(response) == "org/small is being removed; look again in a moment."
    page = text(staff, "/system/?show=models")
    assert "being removed" in page
    assert "/system/models/org/small/remove" not in page
    begin.set()
    wait_for(lambda: not removals.is_under_way("model org/small"), timeout_s=10)
    assert not folder.exists()


def test_a_model_that_a_running_task_needs_stays(staff: Client, settings: Any) -> None:
    folder = cache_a_model(settings.HF_HOME)
    task = factories.make_task(model={"id_or_path": "org/small"}, base_runtime="vllm")
    task.start()
    assert f"in use: the running task {task.name}" in text(staff, "/system/?show=models")
    response = staff.post("/system/models/org/small/remove")
    assert "is in use by the running task" in said(response)
    assert folder.exists()


def test_a_model_that_is_not_in_the_cache_is_not_found(staff: Client) -> None:
    assert staff.get("/system/models/org/other/remove").status_code == 404
    assert staff.post("/system/models/../etc/remove").status_code == 404


def test_a_gpu_is_shown_with_who_uses_it(user: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is not here: what NVML would say."""
    from experiments_app import gpus

    process = GpuProcess(4711, "python3", "carol", 20 << 30)
    gpu = gpus.Gpu("GPU-1a2b", 0, "H100", 80 << 30, 20 << 30, 73, 411.0, (process,))
    survey = gpus.GpuSurvey((gpu,), "570.1", ("GPU 1: has fallen off the bus",))
    monkeypatch.setattr(gpus, "survey", lambda: survey)
    page = text(user, "/system/?show=gpus")
    for words in ("H100", "20.0 GiB of 80.0 GiB", "73 %", "411 W", "carol", "fallen off the bus"):
        assert words in page


def test_an_experiment_is_linked_only_while_it_is_there(staff: Client) -> None:
    from experiments_app.system.our_containers import _of_rows

    row = {
        "Id": "a" * 64, "Names": ["/x"], "Image": "i", "State": "exited", "Status": "Exited",
        "Created": datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
        "Labels": {"autotuner.experiment": "999999"},
    }  # fmt: skip
    (found,) = _of_rows([row])
    assert found.experiment is None
    assert not found.is_owned


def test_the_admin_shows_who_set_what_and_not_the_value(staff: Client) -> None:
    store("HF_TOKEN", "hf_secret_token")
    row = SiteSetting.objects.get()
    for path in (
        "/admin/experiments_app/sitesetting/",
        f"/admin/experiments_app/sitesetting/{row.pk}/change/",
    ):
        page = text(staff, path)
        assert "HF_TOKEN" in page
        assert row.encrypted_value not in page
