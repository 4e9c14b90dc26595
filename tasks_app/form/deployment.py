"""The section of the task form about how the server is run."""

from tasks_app.form.fields import (
    FRACTION,
    LINE,
    LINES,
    OVERRIDE,
    SWITCH,
    YAML,
    YAML_WITH_DEFAULT,
    FieldPlace,
    Section,
)

_PROXY = {"placeholder": "http://user:password@proxy.example:3128", "spellcheck": "false"}

_CONTAINER = Section(
    "Container",
    "For servers in a container: its network, limits and folders.",
    (
        FieldPlace(
            "network",
            "container.network",
            LINE,
            "Network",
            choices=(
                ("host", "The host's own"),
                ("bridge", "A bridge, its port on loopback"),
            ),
            width="half",
        ),
        FieldPlace(
            "ipc",
            "container.ipc",
            LINE,
            "IPC namespace",
            choices=(("host", "The host's own"), ("private", "Of the container alone")),
            width="half",
        ),
        FieldPlace(
            "shm_size_gib",
            "container.shm_size_gib",
            FRACTION,
            "Shared memory in GiB",
            "For a container with an IPC namespace of its own. Left empty: what suits the engine.",
            width="third",
        ),
        FieldPlace(
            "memory_gib",
            "container.memory_gib",
            FRACTION,
            "Memory limit in GiB",
            "Left empty: none.",
            width="third",
        ),
        FieldPlace(
            "cpus",
            "container.cpus",
            FRACTION,
            "CPU limit in cores",
            "Left empty: none.",
            width="third",
        ),
        FieldPlace(
            "ulimits",
            "container.ulimits",
            YAML_WITH_DEFAULT,
            "Limits of its processes",
            "One a line: nofile: 65536; -1 is without limit. Left empty: what suits the engine.",
            width="half",
        ),
        FieldPlace(
            "volumes",
            "container.volumes",
            LINES,
            "Volumes",
            "One a line, from folders that the administrator allows: /srv/loras:/loras is "
            "read-only, /srv/cache:/cache:rw is not.",
            width="half",
        ),
    ),
)

_READINESS = Section(
    "Readiness",
    "When the server counts as ready to be measured.",
    (
        FieldPlace(
            "health_path",
            "readiness.health_path",
            LINE,
            "Health path",
            "Left empty: the engine's own.",
            attributes={"placeholder": "/health"},
            width="third",
        ),
        FieldPlace(
            "interval_s",
            "readiness.interval_s",
            FRACTION,
            "Seconds between questions",
            "Left empty: what suits the site.",
            width="third",
        ),
        FieldPlace(
            "timeout_s",
            "readiness.timeout_s",
            FRACTION,
            "Seconds until it must be ready",
            "Left empty: the time limit of the experiment.",
            width="third",
        ),
    ),
)

_ACCESS = Section(
    "Network access",
    "For the server, the tokenizer and the benchmark of this task. An empty field takes what the "
    "site has set, the word none goes without.",
    (
        FieldPlace(
            "http_proxy",
            "access.http_proxy",
            OVERRIDE,
            "HTTP proxy",
            attributes=_PROXY,
            width="half",
        ),
        FieldPlace(
            "https_proxy",
            "access.https_proxy",
            OVERRIDE,
            "HTTPS proxy",
            attributes=_PROXY,
            width="half",
        ),
        FieldPlace(
            "no_proxy",
            "access.no_proxy",
            OVERRIDE,
            "Without proxy",
            "Hosts by commas. This machine is always among them.",
            width="half",
        ),
        FieldPlace(
            "hub_token",
            "access.hub_token",
            OVERRIDE,
            "Hugging Face token",
            "For gated models. It is kept in the site's database and never shown again.",
            width="half",
            secret=True,
        ),
    ),
)

_ENVIRONMENT = Section(
    "Environment variables",
    "For the engine. Values of secret-looking names are shown masked.",
    (
        FieldPlace(
            "environment",
            "environment",
            YAML,
            "Variables",
            "One a line: OMP_PROC_BIND: close",
            attributes={"placeholder": "OMP_PROC_BIND: close"},
        ),
    ),
)

DEPLOYMENT = Section(
    "Deployment",
    "Where the server runs. Every configuration gets a server of its own.",
    (
        FieldPlace(
            "deployment_mode",
            "deployment_mode",
            LINE,
            "Runs",
            choices=(("docker", "In a container"), ("local", "On this machine")),
            explained={
                "docker": "From the runtime's image; it is pulled where it is missing.",
                "local": "As a process, with what is installed here.",
            },
        ),
        FieldPlace(
            "runtime_image_tag",
            "runtime_image_tag",
            LINE,
            "Image tag",
            "Of the runtime's own image. Left empty: the one it names.",
            attributes={"placeholder": "latest"},
            width="third",
        ),
        FieldPlace(
            "runtime_image",
            "runtime_image",
            LINE,
            "Other image",
            "Instead of the runtime's own.",
            attributes={"placeholder": "repository:tag"},
            width="third",
        ),
        FieldPlace(
            "use_gpus",
            "use_gpus",
            SWITCH,
            "GPUs",
            choices=(("true", "As the flags ask"), ("false", "None: on the CPU")),
            width="third",
        ),
    ),
    slug="deployment",
    more=(_CONTAINER, _ENVIRONMENT, _READINESS, _ACCESS),
)
