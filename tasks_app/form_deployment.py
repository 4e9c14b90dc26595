"""The section of the task form about how the server is run."""

from tasks_app.form_fields import (
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

DEPLOYMENT = Section(
    "Deployment",
    "Where the server runs, and with what around it.",
    (
        FieldPlace(
            "deployment_mode",
            "deployment_mode",
            LINE,
            "Runs",
            choices=(("docker", "In a container"), ("local", "Directly on this machine")),
            width="half",
        ),
        FieldPlace(
            "use_gpus",
            "use_gpus",
            SWITCH,
            "GPUs",
            choices=(("true", "As many as the flags ask for"), ("false", "None: on the CPU")),
            width="half",
        ),
        FieldPlace(
            "runtime_image_tag",
            "runtime_image_tag",
            LINE,
            "Image tag",
            "In a container: a tag of the engine's own image.",
            width="half",
        ),
        FieldPlace(
            "runtime_image",
            "runtime_image",
            LINE,
            "Image",
            "Or any other: repository:tag, or repository@digest.",
            width="half",
        ),
        FieldPlace(
            "environment",
            "environment",
            YAML,
            "Environment variables",
            "For the engine, one a line: OMP_PROC_BIND: close. Values of secret-looking "
            "names are shown masked.",
        ),
    ),
    more=(_CONTAINER, _READINESS, _ACCESS),
)
