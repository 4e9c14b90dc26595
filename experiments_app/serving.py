"""Brings one configuration's server up for an attempt, and takes it down."""

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from experiments_app import provenance
from experiments_app.attempt_context import AttemptContext
from experiments_app.containers.labels import labels_of
from experiments_app.containers.progress import PullProgress
from experiments_app.engines import (
    ENGINES,
    Engine,
    EngineError,
    FailureKind,
    Launch,
    RunningServer,
)
from experiments_app.engines.version import ask_version
from experiments_app.gpus import driver_version
from experiments_app.hub import fetch_tokenizer, require_weights
from experiments_app.launch_plan import HOST, LaunchPlan, find_model, plan_launch, require_secrets
from experiments_app.leases import lease_port
from experiments_app.models import Experiment
from experiments_app.reaper import remove_orphaned_containers
from experiments_app.site_allow_lists import require_addresses
from experiments_app.site_volumes import check_volumes
from tasks_app.masking import MASK, hidden_names, secrets_in
from tasks_app.runtimes import RuntimeFileError

# While a server is not ready, the end of its log is noted after so many seconds.
SNAPSHOTS_AT_S = (60.0, 120.0, 300.0)
SNAPSHOT_LINES = 5
READY_INTERVAL_S = 0.03
NO_LIMIT_BYTES = 2**62


class NoResultFolder(Exception):
    """There is no place for the results: the disk is full, or not ours to write."""


class Serving:
    """The server of one attempt: planned on construction, then `prepare`d, `start`ed, ready."""

    def __init__(self, context: AttemptContext) -> None:
        self.context = context
        spec, experiment = context.spec, context.experiment
        require_secrets(spec)
        self._model = find_model(spec)
        port = lease_port(context.claim, settings.PORT_RANGE)
        gpu_ids = context.claim.gpu_ids
        self.plan: LaunchPlan = plan_launch(
            spec,
            experiment.parameters,
            self._model,
            port,
            gpu_ids,
            recorded=context.recorded_runtime,
        )
        if self.plan.devices != len(gpu_ids):
            raise RuntimeFileError(
                f"the runtime {spec.base_runtime} was changed meanwhile: this configuration takes"
                f" {self.plan.devices} GPUs now, and {len(gpu_ids)} were leased for it"
            )
        context.secrets = (*context.secrets, *secrets_in(self.plan.environment))
        self.folder = _result_folder(context)
        self._engine: Engine = ENGINES[spec.deployment_mode]()
        self._launch = self._described()

    def prepare(self) -> None:
        """All that can go wrong, or take long, before a device is put to work."""
        context = self.context
        context.enter("checking_model")
        require_addresses(context.spec)
        tokenizer = fetch_tokenizer(self.plan.tokenizer, context.network, check=context.check)
        plan = self.plan = replace(self.plan, tokenizer=str(tokenizer))
        require_weights(self._model.path, context.network)
        if plan.container is not None:
            context.enter("waiting_for_docker")
            remove_orphaned_containers()
            self._launch = self._fetched(self._pinned(self._launch))
            check_volumes(context.spec, plan.container.mounts)  # a pull may take an hour
        context.experiment.write(
            context.claim.token,
            command=list(self._launch.command),
            port=plan.port,
            driver_version=driver_version() if plan.gpu_ids else "",
            log_path=str(self._launch.log_path),
            result_folder=str(self.folder),
        )
        flags = shlex.join(plan.runtime.flag_arguments(context.experiment.parameters))
        context.log(f"starting on port {plan.port}: {flags or 'the defaults'}")

    @contextmanager
    def start(self) -> Iterator[RunningServer]:
        """The started server, stopped on the way out, whatever happened."""
        with self._engine.start(self._launch) as server:
            self.context.enter("starting")
            if facts := server.facts():
                self.context.experiment.write(self.context.claim.token, **facts)
            self._log_granted(server.granted_environment())
            yield server

    def wait_ready(self, server: RunningServer) -> None:
        """What the server logs by then is noted at some moments on the way."""
        context = self.context
        started = time.monotonic()
        snapshots = list(SNAPSHOTS_AT_S)

        def check() -> None:
            context.check()
            if snapshots and time.monotonic() - started >= snapshots[0]:
                waited_s = snapshots.pop(0)
                tail = server.log_tail(SNAPSHOT_LINES) or "(nothing yet)"
                context.log(f"not ready after {waited_s:g} s; last lines of its log:\n{tail}")

        limit_s = context.time_left_s()
        if context.spec.readiness.timeout_s:
            limit_s = min(limit_s, context.spec.readiness.timeout_s)
        start_s = context.durations["start_s"] = server.wait_ready(limit_s, check)
        context.experiment.begin_benchmark(
            context.claim.token,
            start_s=start_s,
            engine_version=ask_version(self.plan.base_url),
        )
        if not context.experiment.is_verification:
            provenance.note_model(context.experiment.task, context.experiment.run, context.spec)
        context.log(f"ready after {start_s:.1f} s")

    def stop(self, server: RunningServer) -> None:
        try:
            server.stop()
        except EngineError as error:
            if error.kind is not FailureKind.DOCKER_UNREACHABLE:
                raise
            # What is measured is measured; the reaper removes the container.
            self.context.log(error.message)
        if server.log_incomplete:
            self.context.log(f"the server's log is not whole: {server.log_incomplete}")
        if server.left_behind:
            self.context.log(server.left_behind)

    def _described(self) -> Launch:
        context, plan = self.context, self.plan
        return Launch(
            command=plan.command,
            host=HOST,
            port=plan.port,
            health_path=plan.health_path,
            served_model_name=plan.served_model_name,
            log_path=self.folder / "server.log",
            marker=context.claim.marker,
            environment=plan.environment,
            container=plan.container,
            gpu_ids=plan.gpu_ids,
            secrets=context.secrets,
            log_limit_bytes=_server_log_bytes(),
            labels=labels_of(context.claim, context.experiment.number),
            ready_interval_s=context.spec.readiness.interval_s or READY_INTERVAL_S,
        )

    def _pinned(self, launch: Launch) -> Launch:
        """With the image that this run began with, whatever its tag has come to mean since."""
        experiment = self.context.experiment
        run = Experiment.objects.of_run(experiment.task, experiment.run)
        first = run.exclude(image_digest="").order_by("number").first()
        if first is None or launch.container is None:
            return launch
        return replace(launch, container=replace(launch.container, pinned_image=first.image_digest))

    def _fetched(self, launch: Launch) -> Launch:
        """With the image on this host; the time of a pull is not the experiment's."""
        context = self.context
        pulled = False

        def show(progress: PullProgress) -> None:
            nonlocal pulled
            if not pulled:
                context.log(f"pulling the image {progress.image}")
            pulled = True
            context.progress.pull(progress)

        started = time.monotonic()
        try:
            return self._engine.prepare(launch, on_progress=show, check=context.heartbeat.check)
        finally:
            if pulled:
                took_s = context.durations["pull_s"] = time.monotonic() - started
                context.deadline += took_s
                context.log(f"the pull took {took_s:.0f} s")

    def _log_granted(self, granted: Mapping[str, str]) -> None:
        """What the container's environment really is, read back, against what was asked for."""
        if not granted:
            return
        wanted = self.plan.environment
        hidden = hidden_names(wanted)
        shown = (
            f"{name}={MASK if name in hidden else granted[name]}"
            for name in sorted(wanted)
            if name in granted
        )
        self.context.log(f"environment of the container: {', '.join(shown)}")
        lost = sorted(name for name, value in wanted.items() if granted.get(name) != value)
        if lost:
            self.context.log(f"the container did not get what was asked for: {', '.join(lost)}")


def _server_log_bytes() -> int:
    mebibytes: float = settings.SERVER_LOG_MIB
    return round(mebibytes * 1024**2) or NO_LIMIT_BYTES


def _result_folder(context: AttemptContext) -> Path:
    """A folder of this attempt alone: no result is ever read from an earlier one."""
    experiment, claim = context.experiment, context.claim
    folder = (
        Path(settings.HOME.results)
        / f"task_{experiment.task_id}"
        / f"run_{experiment.run}"
        / f"experiment_{experiment.number}"
        / f"attempt_{claim.attempt}_{claim.token[:6]}"
    )
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise NoResultFolder(f"{folder} cannot be made: {error.strerror}") from error
    return folder
