"""Settings, read from the environment and from `.env` at the project root.

Every variable is named and explained in `.env.example`.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env

from autotuner_site import service_urls
from autotuner_site.email_url import TIMEOUT_S, email_settings, sender
from autotuner_site.exposure import key_fault
from autotuner_site.paths import DEFAULT_HOME, SITE_ID_NAME, Home
from autotuner_site.site_url import site_url

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
_GIVEN = frozenset(name for name, value in os.environ.items() if value)
env.read_env(str(BASE_DIR / ".env"), recurse=False)
# Where what is set was set, for the page that shows it.
SETTING_SOURCES = {
    name: "environment" if name in _GIVEN else ".env" for name, value in os.environ.items() if value
}


def _path(name: str, default: str = "") -> Path | None:
    """A path setting: `~` is expanded, a relative one starts at the project root.

    Links are left alone: a virtual environment's python is one, and only its own path tells whose.
    """
    text = env.str(name, default)
    return Path(os.path.normpath(BASE_DIR / Path(text).expanduser())) if text else None


def _paths(name: str) -> tuple[Path, ...]:
    """Folders of this host, separated by commas. Links in them are followed once, here."""
    texts: list[str] = env.list(name, [])
    folders = tuple(Path(text.strip()).expanduser() for text in texts if text.strip())
    for folder in folders:
        if not folder.is_absolute():
            raise ImproperlyConfigured(f"{name}: {str(folder)!r} must be an absolute path")
    return tuple(folder.resolve() for folder in folders)


def _at_least(name: str, default: int, least: int) -> int:
    value = env.int(name, default)
    if value < least:
        raise ImproperlyConfigured(f"{name} is {value}; it must be {least} or more")
    return value


def _amount(name: str, default: float) -> float:
    """A number that is 0 or more; 0 is without limit."""
    value = env.float(name, default)
    if not 0 <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} is {value}; it must be 0 or more")
    return value


def _count(name: str, default: int) -> int:
    """A whole number; 0 is without limit."""
    return _at_least(name, default, 0)


def _port_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal()):
        raise ImproperlyConfigured(f"PORT_RANGE is {text!r}; write it as first-last: 8000-8100")
    low, high = int(first), int(last)
    if not 1024 <= low <= high <= 65535:
        raise ImproperlyConfigured(
            f"PORT_RANGE is {text!r}; both ends must lie between 1024 and 65535, the lower first"
        )
    return low, high


def _token(name: str) -> str:
    """A secret that a program shows in a header; its value is never told."""
    value = env.str(name, "").strip()
    if value and (len(value) < 16 or not all("!" <= sign <= "~" for sign in value)):
        raise ImproperlyConfigured(
            f"{name} must have 16 characters or more, of ASCII and without spaces; make one with:"
            " openssl rand -hex 32"
        )
    return value


HOME = Home(_path("AUTOTUNER_HOME", DEFAULT_HOME) or BASE_DIR)
AUTOTUNER_HOME = HOME.root
HOME.create()
# Asked before the first secret is made: by those a used folder is told from a fresh one.
HOME_DATABASE = HOME.database
SITE_ID = HOME.secret(SITE_ID_NAME, 16)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or HOME.secret("secret_key")
if _fault := key_fault(SECRET_KEY):
    raise ImproperlyConfigured(_fault)
# What secrets are encrypted with in the database: the first one encrypts, all of them decrypt.
_KEYS: list[str] = env.list("SECRETS_KEYS", [])
SECRETS_KEYS = [key.strip() for key in _KEYS if key.strip()]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])

# One switch for a site behind TLS; plain HTTP on loopback or a trusted network is the default.
HTTPS_ONLY = env.bool("HTTPS_ONLY", False)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS_ONLY else None
SESSION_COOKIE_NAME = "autotuner_session"
CSRF_COOKIE_NAME = "autotuner_csrf"
SESSION_HOURS = _at_least("SESSION_HOURS", 14 * 24, 1)
SESSION_COOKIE_AGE = 3600 * SESSION_HOURS
# So many proxies of our own stand before the site, and say in X-Forwarded-For whom they heard.
PROXY_COUNT = _at_least("PROXY_COUNT", 0, 0)

# Where the links in notifications lead, and who sends them as e-mails.
SITE_URL = site_url(env.str("SITE_URL", ""), https_only=HTTPS_ONLY, allowed_hosts=ALLOWED_HOSTS)
EMAIL_URL = env.str("EMAIL_URL", "")
_MAIL = email_settings(EMAIL_URL)
EMAIL_BACKEND = _MAIL.backend
EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
EMAIL_USE_SSL, EMAIL_USE_TLS = _MAIL.use_ssl, _MAIL.use_tls
EMAIL_TIMEOUT = TIMEOUT_S
DEFAULT_FROM_EMAIL = sender(env.str("EMAIL_FROM", ""), SITE_URL)

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "huey.contrib.djhuey",
    "template_partials",
    "autotuner_site",
    "tasks_app",
    "experiments_app",
]

MIDDLEWARE = [
    "autotuner_site.request_ids.RequestIdMiddleware",
    "autotuner_site.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "autotuner_site.access.SignInMiddleware",
    "autotuner_site.access.RoleMiddleware",
    "tasks_app.audit.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "autotuner_site.urls"
WSGI_APPLICATION = "autotuner_site.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "autotuner_site.access.may",
            ],
        },
    },
]

DATABASE_URL = env.str("DATABASE_URL", "")
DATABASES: dict[str, dict[str, Any]] = {
    "default": service_urls.database(DATABASE_URL, default=HOME_DATABASE, base=BASE_DIR)
}
# None where the database is a server's.
DATABASE_PATH: Path | None = (
    Path(DATABASES["default"]["NAME"])
    if DATABASES["default"]["ENGINE"] != service_urls.POSTGRESQL_ENGINE
    else None
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
HUEY = service_urls.queue(REDIS_URL, site_id=SITE_ID, path=HOME.queue)

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # the first: it refuses before a password is looked at
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "autotuner_site.requests.client_address"
AXES_LOCKOUT_CALLABLE = "autotuner_site.sign_in_limits.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # accounts have an action that lets them in again
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "task_list"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_I18N = False
FORMAT_MODULE_PATH = "autotuner_site.formats"
USE_TZ = True

STATIC_URL = "static/"
# The guide's pictures lie beside its text, where GitHub shows them too.
STATICFILES_DIRS = [BASE_DIR / "static", ("guide", BASE_DIR / "docs" / "images")]
# The files are served as they lie in the checkout: no collectstatic step between pull and run.
WHITENOISE_USE_FINDERS = True

# A task file may have a million characters, a form some hundred flags in rows; only the database
# of another program is larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000
MAX_UPLOAD_BYTES = 32 * 1024**2
FILE_UPLOAD_HANDLERS = [
    "autotuner_site.uploads.BoundedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LOG_FORMAT = env.str("LOG_FORMAT", "text")
if LOG_FORMAT not in {"text", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it must be text or json")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "tasks_app.log_format.TextFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "tasks_app.log_format.JsonFormatter"},
    },
    "filters": {"outages": {"()": "experiments_app.outages.OutageFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # A handler of its own keeps huey from adding one of its making.
        "huey": {
            "handlers": ["console"],
            "level": "WARNING",
            "propagate": False,
            "filters": ["outages"],
        },
        # A filter sees what its own logger is told, not what comes from those below.
        "huey.consumer.Worker": {"filters": ["outages"]},
        "huey.consumer.Scheduler": {"filters": ["outages"]},
        "experiments_app.notifications.sender": {"filters": ["outages"]},
        "django.request": {"filters": ["outages"]},
        "httpx": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # What happens to tasks stands in their own logs; a collector of logs wants it here as well.
        "experiments_app.task_log": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"},
    },
}

# Without it there is nothing at /metrics.
METRICS_TOKEN = _token("METRICS_TOKEN")

# Tuning
DEPLOYMENT_MODE = env.str("DEPLOYMENT_MODE", "local")
if DEPLOYMENT_MODE not in {"docker", "local"}:
    raise ImproperlyConfigured(
        f"DEPLOYMENT_MODE is {DEPLOYMENT_MODE!r}; it must be docker or local"
    )
DOCKER_MODEL_PATH = _path("DOCKER_MODEL_PATH")
PORT_RANGE = _port_range(env.str("PORT_RANGE", "8000-8100"))
GENAI_BENCH_PATH = _path("GENAI_BENCH_PATH")
HF_HOME = _path("HF_HOME")
DOCKER_VOLUMES = _paths("DOCKER_VOLUMES")
# What tasks may name: repositories of images, folders of models, hosts in private networks.
DOCKER_IMAGES: list[str] = env.list("DOCKER_IMAGES", [], subcast=str.strip)
MODEL_PATHS = _paths("MODEL_PATHS")
TASK_HOSTS: list[str] = env.list("TASK_HOSTS", [], subcast=str.strip)
DOCKER_PULL_TIMEOUT_S = _at_least("DOCKER_PULL_TIMEOUT_S", 3600, 1)
# What a GPU, or the CPU of a machine without, costs for an hour; 0: not known.
PRICE_PER_DEVICE_HOUR = _amount("PRICE_PER_DEVICE_HOUR", 0.0)
CURRENCY = env.str("CURRENCY", "USD")
if not re.fullmatch("[A-Z]{3}", CURRENCY):
    raise ImproperlyConfigured(f"CURRENCY is {CURRENCY!r}; write a code of three letters: USD")
# Limits; 0 is none.
MIN_FREE_DISK_GIB = _amount("MIN_FREE_DISK_GIB", 2.0)
MAX_RUNNING_TASKS = _count("MAX_RUNNING_TASKS", 200)
SERVER_LOG_MIB = _amount("SERVER_LOG_MIB", 16.0)
TASK_LOG_MIB = _amount("TASK_LOG_MIB", 16.0)
API_CALLS_PER_MINUTE = _count("API_CALLS_PER_MINUTE", 600)
API_FAILED_SIGN_INS_PER_MINUTE = _count("API_FAILED_SIGN_INS_PER_MINUTE", 30)
DOCKER_MEMORY_GIB = _amount("DOCKER_MEMORY_GIB", 0.0)
# What a data set may have, as it is sent and unpacked; never without a limit.
DATASET_MIB = _at_least("DATASET_MIB", 1024, 1)
# What is removed by its age, in experiments_app.retention; 0 keeps all.
KEEP_RUNS = _count("KEEP_RUNS", 0)
KEEP_RUN_DAYS = _count("KEEP_RUN_DAYS", 0)
KEEP_FILES_DAYS = _count("KEEP_FILES_DAYS", 0)
KEEP_SAMPLES_DAYS = _count("KEEP_SAMPLES_DAYS", 0)
KEEP_ARCHIVED_DAYS = _count("KEEP_ARCHIVED_DAYS", 0)
KEEP_AUDIT_DAYS = _count("KEEP_AUDIT_DAYS", 0)
KEEP_DELIVERY_DAYS = _count("KEEP_DELIVERY_DAYS", 30)
# Those below can be made in the browser too: read them through experiments_app.site_settings.
DOCKER_REGISTRY = env.str("DOCKER_REGISTRY", "")
DOCKER_REGISTRY_USER = env.str("DOCKER_REGISTRY_USER", "")
DOCKER_REGISTRY_PASSWORD = env.str("DOCKER_REGISTRY_PASSWORD", "")
HTTP_PROXY = env.str("HTTP_PROXY", "")
HTTPS_PROXY = env.str("HTTPS_PROXY", "")
NO_PROXY = env.str("NO_PROXY", "")
CA_BUNDLE = _path("CA_BUNDLE")
HF_TOKEN = env.str("HF_TOKEN", "")
HF_ENDPOINT = env.str("HF_ENDPOINT", "")
HF_HUB_OFFLINE = env.bool("HF_HUB_OFFLINE", False)
