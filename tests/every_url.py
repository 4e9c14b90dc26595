"""Every address of the site: whom it lets in, by which methods, and what it answers.

A table that several tests walk: what it says of a role is written here a second time, so that an
address which opens by mistake fails a test. The admin's addresses are as many again and follow one
rule, so they are found and not listed: administrators see a page, everybody else the sign-in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from autotuner_site.models import ApiToken
from autotuner_site.roles import Role
from autotuner_site.tokens import make_token
from experiments_app import task_log
from experiments_app.models import Experiment, Measurement, ResourceLease, SiteSetting
from experiments_app.notifications.models import Channel, Delivery, TaskFollow
from experiments_app.site_settings import store
from tasks_app.labels import add_labels
from tasks_app.models import AuditEntry, Dataset, Label, PastResults, Preset, Run, Task, TaskVersion
from tests import factories
from tests.data_sets import make_dataset

READ, ASK, ACT = ("GET", "HEAD"), ("GET", "HEAD", "POST"), ("POST",)
ANYBODY: Final = "anybody"
SIGNED_IN, ADMIN = Role.NONE, Role.ADMIN
HASH = "3f9c" * 16


@dataclass(frozen=True)
class World:
    """What the addresses lead to: tasks in each state, and all that belongs to one."""

    admin: User
    user: User
    viewer: User
    nobody: User
    pending: Task
    running: Task
    completed: Task
    other: Task
    experiment: Experiment
    verification: Experiment
    preset: Preset
    token: ApiToken
    dataset: Dataset

    @classmethod
    def make(cls, **changes: Any) -> "World":
        """`changes`: what the documents of all tasks say besides."""
        admin = factories.make_user("admin")
        user = factories.make_user("guest", role=Role.OPERATOR)
        viewer = factories.make_user("viewer", role=Role.VIEWER)
        nobody = factories.make_user("nobody", role=Role.NONE)
        pending = factories.make_task(**changes)
        running = factories.running_task(**changes)
        completed = factories.completed_task(**changes)
        other = factories.completed_task((50.0, 60.0), **changes)
        for task in (pending, completed, other):
            factories.edit(task, user=admin, description="what it says now")
            add_labels(task, ["nightly"])
        for task in (pending, running, completed, other):
            task.refresh_from_db()
            task_log.write(task.pk, "it goes on", run=task.run)
        experiment = _with_log(factories.with_usage(completed.experiments.get(number=1)))
        verification = factories.waiting_verification(other.experiments.get(number=1))
        held = running.experiments.order_by("number").last()
        assert held is not None
        ResourceLease.objects.create(
            host="here", resource="cpu", experiment=held, token=factories.TOKEN
        )
        store("HF_ENDPOINT", "https://hub.example", admin)
        preset = factories.make_preset()
        for account in (admin, user, viewer):  # each has a number 1 of its own
            factories.make_delivery(factories.make_channel(account), completed)
        TaskFollow.objects.create(user=user, task=completed, wish=TaskFollow.Wish.MUTE)
        PastResults.objects.create(
            name="elsewhere", base_runtime="llamacpp", objective="maximize_throughput"
        )
        token = make_token(admin, "the pipeline's").token
        dataset = make_dataset()
        return cls(
            admin, user, viewer, nobody, pending, running, completed, other, experiment,
            verification, preset, token, dataset,
        )  # fmt: skip

    def rows(self) -> Mapping[type[Model], Model]:
        """One row of each table that the admin shows."""
        tables = (
            AuditEntry, Dataset, Label, PastResults, Preset, Run, Task, TaskVersion, Experiment,
            Measurement, ResourceLease, SiteSetting, Channel, Delivery, TaskFollow, User,
        )  # fmt: skip
        return {table: table._default_manager.order_by("pk")[0] for table in tables}


def _with_log(experiment: Experiment) -> Experiment:
    path = Path(settings.HOME.logs) / f"experiment_{experiment.pk}.log"
    path.write_text("the server is ready\n" * 50)
    Experiment.objects.filter(pk=experiment.pk).update(log_path=str(path))
    experiment.refresh_from_db()
    return experiment


Args = Callable[[World], Sequence[object]]


@dataclass(frozen=True)
class Place:
    """One address. `status`: what whoever may come gets by the first of its methods. `role`: who
    may come; an address that only shows something is a viewer's, any other an operator's."""

    name: str
    methods: Sequence[str] = READ
    args: Args = lambda world: ()
    role: Role | str = ""
    status: int = 200
    query: Callable[[World], Mapping[str, object]] = field(default=lambda world: {})
    slowest_s: float = 2.0
    """Of processor time."""

    @property
    def least(self) -> Role:
        """The role that one needs to come here, with an account."""
        if isinstance(self.role, Role):
            return self.role
        if self.role == ANYBODY:
            return Role.NONE
        return Role.VIEWER if self.methods == READ else Role.OPERATOR

    def path(self, world: World) -> str:
        return reverse(self.name, args=list(self.args(world)))


def _done(world: World) -> Sequence[object]:
    return [world.completed.pk]


def _first_version(world: World) -> Sequence[object]:
    return [world.completed.pk, 1]


def _own(world: World) -> Sequence[object]:
    return [f"own:{world.preset.pk}"]


def _first_channel(world: World) -> Sequence[object]:
    return [1]


def _dataset(world: World) -> Sequence[object]:
    return [world.dataset.pk]


def _task_of(world: World) -> Mapping[str, object]:
    return {"task": world.pending.pk}


def _two_runs(world: World) -> Mapping[str, object]:
    return {"run": [f"{world.completed.pk}.1", f"{world.other.pk}.1"]}


PLACES = (
    Place("task_list"),
    Place("tasks_bulk", ACT, status=302),
    Place("bulk_outcomes", status=302),  # nothing was done yet
    Place("tasks_compare", ACT, role=Role.VIEWER, status=302),
    Place("task_rows", query=_task_of),
    Place("dataset_list"),
    Place("dataset_new", ASK),
    Place("dataset_detail", args=_dataset),
    Place("dataset_columns", ACT, _dataset, status=302),
    Place("dataset_cancel", ACT, _dataset, status=302),
    Place("dataset_retry", ACT, _dataset, status=302),
    Place("dataset_remove", ASK, _dataset),
    Place("preset_list"),
    Place("preset_new", ASK),
    Place("preset_import", ASK),
    Place("presets_export", query=lambda world: {"runtime": "llamacpp"}),
    Place("preset_detail", args=_own),
    Place("preset_edit", ASK, _own),
    Place("preset_delete", ASK, _own),
    Place("preset_export", args=_own),
    Place("preset_merge", ASK, _own, query=_task_of),
    Place("task_import", ASK),
    Place("results_import", ASK),
    Place("tasks_export", ASK, role=Role.VIEWER, query=_task_of),
    Place("task_export", args=_done),
    Place("task_results_csv", args=_done),
    Place("task_results_json", args=_done),
    Place("task_results_parquet", args=_done),
    Place("task_report", args=_done, slowest_s=8.0),  # draws fourteen charts
    Place("task_new", ASK),
    Place("task_check", ACT),
    Place("task_check", ACT, lambda world: [world.pending.pk]),
    Place("model_check", role=Role.OPERATOR),
    Place("tune_builtin", ACT, status=302),
    Place("task_detail", args=_done),
    Place("task_edit", (*ASK, "PUT"), _done),
    Place("task_details", (*ASK, "PATCH"), _done),
    Place("task_answer", ACT, _done, status=302),
    Place("task_start", ACT, lambda world: [world.pending.pk], status=302),
    Place("task_pause", ACT, lambda world: [world.running.pk], status=302),
    Place("task_resume", ACT, lambda world: [world.running.pk], status=302),
    Place("task_cancel", ACT, lambda world: [world.running.pk], status=302),
    Place("task_restart", ACT, _done, status=302),
    Place("task_extend", ACT, _done, status=302),
    Place("task_duplicate", ACT, _done, status=302),
    Place("task_reproduce", ACT, _done, status=302),
    Place("task_delete", ASK, _done),
    Place("task_archive", ACT, _done, status=302),
    Place("task_bring_back", ACT, _done, status=302),
    Place("task_history", args=_done),
    Place("task_version", args=_first_version),
    Place("version_restore", ACT, _first_version, status=302),
    Place("compare_runs", query=_two_runs),
    Place("compared_chart_file", args=lambda world: ["progress", "svg"], query=_two_runs),
    Place("chart_section", args=_done),
    Place("task_charts", args=_done),
    Place("task_chart_file", args=lambda world: [world.completed.pk, "progress", "svg"]),
    Place("task_chart", args=lambda world: [world.completed.pk, "progress"]),
    Place("task_compare", args=_done, query=lambda world: {"experiment": [0, 1]}),
    Place("task_log", args=_done),
    Place("task_log_clear", ASK, _done),
    Place("experiment_detail", args=lambda world: [world.experiment.pk]),
    Place("experiment_log", args=lambda world: [world.experiment.pk]),
    Place("experiment_deploy", args=lambda world: [world.experiment.pk, "flags"]),
    Place("experiment_verify", ACT, lambda world: [world.experiment.pk], status=302),
    Place("verification_cancel", ACT, lambda world: [world.verification.pk], status=302),
    Place("system"),
    Place("notifications"),
    Place("notification_new", ASK, lambda world: ["webhook"], Role.VIEWER),
    Place("notification_channel", args=_first_channel),
    Place("notification_edit", ASK, _first_channel, Role.VIEWER),
    Place("notification_test", ACT, _first_channel, Role.VIEWER, 302),
    Place("notification_again", ACT, _first_channel, Role.VIEWER, 302),
    Place("notification_switch", ACT, _first_channel, Role.VIEWER, 302),
    Place("notification_secret", ACT, _first_channel, Role.VIEWER, 302),
    Place("notification_delete", ASK, _first_channel, Role.VIEWER),
    Place("notification_confirm", ASK, _first_channel, Role.VIEWER, 410),  # without its token
    Place("task_follow", ACT, _done, Role.VIEWER, 302),
    Place("all_deliveries", role=ADMIN),
    Place("audit", role=ADMIN),
    Place("audit_export", role=ADMIN),
    Place("machine_checks"),
    Place("machine_check", args=lambda world: ["machine"]),
    Place("system_settings", ASK, role=ADMIN),
    Place("test_connection", ACT),
    # The tests' site has no Docker engine: its pages lead back to one that says so.
    Place("container", args=lambda world: [HASH], status=302),
    Place("container_stop", ASK, lambda world: [HASH], ADMIN, 302),
    Place("image_remove", ASK, lambda world: [f"sha256:{HASH}"], ADMIN, 302),
    Place("model_remove", ASK, lambda world: ["no/such"], ADMIN, 404),
    Place("login", ASK, role=ANYBODY),
    Place("sign_in_by_link", ("GET",), lambda world: ["1", "used"], ANYBODY, 410),
    Place("password", ("GET", "POST"), role=SIGNED_IN),
    Place("tokens", ASK, role=SIGNED_IN),
    Place("token_revoke", ACT, lambda world: [world.token.pk], SIGNED_IN, 302),
    Place("api_docs", role=SIGNED_IN),
    Place("help", role=SIGNED_IN),
    Place("help_page", role=SIGNED_IN, args=lambda world: ["concepts"]),
    Place("healthz", role=ANYBODY),
    Place("metrics", role=ANYBODY, status=404),  # its token is not set
    Place("sign_out_everywhere", ACT, role=SIGNED_IN, status=302),
    Place("logout", ACT, role=SIGNED_IN, status=302),
)


def admin_paths(world: World) -> Iterator[tuple[str, str]]:
    """Name and path of every page of the admin."""
    rows = {f"{row._meta.app_label}_{row._meta.model_name}": row for row in world.rows().values()}
    for name, pattern in patterns():
        if not name.startswith("admin:") or name == "admin:None":
            continue
        table = name.removeprefix("admin:").rpartition("_")[0]
        table = "auth_user" if name == "admin:auth_user_password_change" else table
        if name == "admin:app_list":
            yield name, reverse(name, args=["tasks_app"])
        elif name == "admin:view_on_site":
            yield name, reverse(name, args=[1, 1])
        else:
            yield name, reverse(name, args=[rows[table].pk] if "<" in pattern else [])


def patterns(resolver: URLResolver | None = None, space: str = "") -> Iterator[tuple[str, str]]:
    """The names of all addresses, with what they take."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, f"{one.namespace}:" if one.namespace else space)
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name}", str(one.pattern)


def writes_in(queries: CaptureQueriesContext) -> list[str]:
    """What was changed, sessions aside: they remember what was said to whom."""
    told = (query["sql"] for query in queries.captured_queries)
    changes = (sql for sql in told if sql.startswith(("INSERT", "UPDATE", "DELETE", "REPLACE")))
    return [sql[:120] for sql in changes if "django_session" not in sql]
