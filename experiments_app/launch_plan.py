"""From a spec and a configuration to what is started: the command line and the model behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from experiments_app.engines.model_source import ModelNotFound, ModelSource, resolve_model
from experiments_app.llamacpp.tokenizer import TokenizerError
from experiments_app.network import proxy_environment
from tasks_app.expressions import ExpressionError
from tasks_app.problems import Problem
from tasks_app.runtimes import Runtime, RuntimeFileError, load_runtime
from tasks_app.space import Scalar
from tasks_app.spec import TaskSpec

HOST = "127.0.0.1"


@dataclass(frozen=True)
class LaunchPlan:
    """How to start one configuration. `tokenizer` is a folder, or a hub id."""

    runtime: Runtime
    command: list[str]
    environment: dict[str, str]
    port: int
    devices: int
    served_model_name: str
    tokenizer: str

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def rated_devices(self) -> int:
        """What rates are divided by: a CPU counts as one device."""
        return max(self.devices, 1)


def find_model(spec: TaskSpec) -> ModelSource:
    """Raises ModelNotFound and RuntimeFileError."""
    return resolve_model(
        spec.model.id_or_path,
        home=settings.AUTOTUNER_HOME,
        models_dir=settings.DOCKER_MODEL_PATH,
        gguf_only=load_runtime(spec.base_runtime).model_format == "gguf",
    )


def launch_problems(spec: TaskSpec) -> list[Problem]:
    """What keeps this site from starting the task's server at all; found without starting it."""
    try:
        model = find_model(spec)
        plan_launch(spec, spec.baseline_parameters(), model, settings.PORT_RANGE[0])
    except (RuntimeFileError, ExpressionError) as error:
        return [Problem("base_runtime", str(error))]
    except ModelNotFound as error:
        return [Problem("model.id_or_path", str(error))]
    except TokenizerError as error:
        return [Problem("benchmark.model_tokenizer", str(error))]
    return []


def plan_launch(
    spec: TaskSpec, parameters: Mapping[str, Scalar], model: ModelSource, port: int
) -> LaunchPlan:
    """Raises RuntimeFileError, ExpressionError (of the runtime's `devices`) and TokenizerError."""
    runtime = load_runtime(spec.base_runtime)
    devices = runtime.device_count(parameters)
    return LaunchPlan(
        runtime=runtime,
        command=runtime.command_line(
            parameters,
            model_path=model.path,
            served_model_name=spec.served_model_name,
            host=HOST,
            port=port,
            devices=devices,
        ),
        environment={**proxy_environment(), **runtime.environment, **spec.environment},
        port=port,
        devices=devices,
        served_model_name=spec.served_model_name,
        tokenizer=spec.benchmark.model_tokenizer or model.tokenizer,
    )
