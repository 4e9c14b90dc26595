"""What nobody should send, sent to every form and every address: it may be refused, never more.

Forms are read from the pages themselves, so that a new field is tried without being named here.
"""

import json
import os
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tasks_app.taskfile import dump_document
from tests.attacker import CANARY, Attacker, Fields, told
from tests.every_url import PLACES, Place, World, admin_paths
from tests.factories import completed_task, task_data

pytestmark = pytest.mark.django_db
LONG_NUMBER = "9" * 3_000  # an address holds 4,094 characters at most; a form more
VALUES = (
    "", " ", "\x00", "a\x00b", CANARY, f'"><img src=x onerror=alert(1)>{CANARY}', "{{ 7*7 }}",
    "../../etc/passwd", "..\\..\\x", "/dev/null", "a\r\nSet-Cookie: x=1", "a\nb", "\u202eevil",
    "שלום", "\U0001f600" * 300, "a" * 3_500, "\ufeff\u200b", r'"\ud800"', "'", '"', "\\", "%",
    "1e400", "-1e400", "1e999999999", "NaN", "inf", "-0", "-1", "0", "0.0", "1" * 30, LONG_NUMBER,
    "٣", "²", "0x10", "1_000", "10**30", "true", "null", "[]", "{}", "[" * 3_000, '{"a":' * 700,
    "&a [*a]", "!!python/object/apply:os.system [id]", "=1+1", "@SUM(1)", "--flag", "-", "\t",
    "'; DROP TABLE tasks_app_task; --", "own:1", "own:" + "9" * 400, "shipped:", ":",
    "http://user:password@host", "javascript:alert(1)", "//evil.example", "a,b,c" * 500,
    "parameters-0-name", "add_parameters", "remove_parameters_0", "reset_task_name", "as_yaml",
    "as_form", "save", "yaml", "2026-13-45", "((((" * 300, "not " * 400 + "a", "a ** a ** a",
)  # fmt: skip
PARAMETERS = (
    "sort", "columns", "column", "page", "run", "experiment", "x", "y", "theme", "latency",
    "statistic", "over", "q", "after", "seen", "level", "status", "size", "owner", "label",
    "runtime", "archived", "of", "from", "task", "preset", "view", "format", "show", "all",
    "download", "next", "chart", "model", "o", "e", "p", "status__exact", "created_at__year",
)  # fmt: skip
# Fields that no page shows before something is typed or chosen.
UNSEEN = (
    "action", "merge", "preset", "own_preset", "add_scenario", "version", "touched", "view",
    "parameters-0-name", "parameters-0-kind", "parameters-0-low", "parameters-0-high",
    "parameters-0-step", "parameters-0-values", "slo-0-metric", "slo-0-bound", "side-threads",
    "tasks", "filters", "field", "value", "labels", "how", "sure", "all", "text", "name-0",
)  # fmt: skip
ENDS_THE_SESSION = {"logout", "sign_out_everywhere"}
FORMS = tuple(
    place for place in PLACES if "POST" in place.methods and place.name not in ENDS_THE_SESSION
)
# How many inputs are made up in all; `benchmarks/fuzz.py` makes up many.
EXAMPLES = int(os.environ.get("AUTOTUNER_FUZZ", "700"))
# These start something, or ask others who may take their time.
READ = tuple(
    place
    for place in PLACES
    if "GET" in place.methods and place.name not in {"machine_check", "model_check"}
)


@pytest.fixture
def attacker(world: World) -> Attacker:
    return Attacker(world)


tries = effort(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
values = st.sampled_from(VALUES) | st.text(max_size=20).filter(lambda text: text.isprintable())
headers = st.sampled_from([{}, {}, {"hx_request": "true"}])


@effort(tries, max_examples=EXAMPLES * 3 // 10)
@given(
    place=st.sampled_from(READ),
    sent=st.dictionaries(st.sampled_from(PARAMETERS), values, min_size=1, max_size=3),
    headers=headers,
)
def test_no_query_breaks_a_page(
    attacker: Attacker, place: Place, sent: dict[str, str], headers: dict[str, str]
) -> None:
    query = {**place.query(attacker.world), **sent}
    attacker.send("GET", place.path(attacker.world), query, **headers)


@effort(tries, max_examples=EXAMPLES * 3 // 10)
@given(
    place=st.sampled_from(FORMS),
    sent=st.dictionaries(st.integers(0, 500), values, min_size=1, max_size=3),
    button=st.integers(0, 100),
    headers=headers,
)
def test_no_field_breaks_a_form(
    attacker: Attacker,
    place: Place,
    sent: dict[int, str],
    button: int,
    headers: dict[str, str],
) -> None:
    fields = attacker.fields_of(place)
    names = [*fields.values, *UNSEEN]
    data = {"task": str(attacker.world.pending.pk), **fields.values}
    data |= dict([fields.buttons[button % len(fields.buttons)]] if fields.buttons else [])
    data |= {names[number % len(names)]: value for number, value in sent.items()}
    attacker.send("POST", place.path(attacker.world), place.query(attacker.world), data, **headers)


GOOD_FILES = tuple(
    dump(task_data(parameters={"threads": [1, 2]}, slo={"ttft_p99_s": 1.0}))
    for dump in (dump_document, json.dumps)
)
scraps = st.sampled_from([value for value in VALUES if len(value) < 100]) | st.text(max_size=8)


@st.composite
def broken_files(draw: st.DrawFn) -> bytes:
    """A task file with pieces cut out, put in, doubled or of another kind; or no text at all."""
    text = draw(st.sampled_from(GOOD_FILES))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 60, len(text))))
        scrap = draw(scraps | st.just(text[start:end] * 2))
        text = text[:start] + scrap + text[end:]
    raw = text.encode("utf-8", "surrogatepass")
    return raw + draw(st.binary(max_size=6)) if draw(st.booleans()) else raw


@effort(tries, max_examples=EXAMPLES * 2 // 10)
@given(
    raw=broken_files() | st.binary(max_size=400),
    where=st.sampled_from([("/tasks/import", "files"), ("/presets/import", "file")]),
    name=st.sampled_from(["x.yaml", "x.json", "x.db", "x", f"{CANARY}.yml"]),
)
def test_no_file_breaks_an_import(
    attacker: Attacker, raw: bytes, where: tuple[str, str], name: str
) -> None:
    path, field = where
    sent = {"action": "read", "on_clash": "refuse", field: SimpleUploadedFile(name, raw)}
    attacker.send("POST", path, {}, sent)


@effort(tries, max_examples=EXAMPLES * 2 // 10)
@given(
    place=st.sampled_from(PLACES),
    at=st.integers(0, 60),
    scrap=scraps.filter(lambda text: text.isprintable()),
    method=st.sampled_from(["GET", "GET", "POST"]),
)
def test_no_address_breaks_the_site(
    attacker: Attacker, place: Place, at: int, scrap: str, method: str
) -> None:
    """A real one with something put into it: past what `urls.py` lets in, into the views."""
    path = place.path(attacker.world)
    bent = f"{path[:at]}{quote(scrap)}{path[at:]}" if at < len(path) else f"{path}{quote(scrap)}"
    assume(bent.startswith("/") and not bent.startswith("//"))
    assume(
        not any(bent.startswith(f"/{end}") for end in ("sign-out", "system/checks", "tasks/model"))
    )
    attacker.send(method, bent, {}, {} if method == "POST" else None)


@pytest.mark.parametrize("value", ["x", "-1", "0", LONG_NUMBER, "9" * 30, "\x00"])
def test_no_filter_breaks_the_admin(attacker: Attacker, value: str) -> None:
    """Those of the rows that only the program changes; the others are Django's own."""
    lists = [
        path
        for name, path in admin_paths(attacker.world)
        if name.endswith(("task_changelist", "run_changelist", "experiment_changelist"))
    ]
    assert lists
    for path in lists:
        for name in ("q", "p", "o", "created_at__year", "started_at__day", "status__exact"):
            attacker.send("GET", path, {name: value})


# What once broke


@pytest.mark.parametrize("number", ["9" * 30, LONG_NUMBER, "0", "٣"])
@pytest.mark.parametrize(
    "path", ["tasks/{}/", "tasks/{}/edit", "tasks/{}/charts/score.svg", "experiments/{}/"]
)
def test_a_number_that_nothing_has_is_not_found(attacker: Attacker, path: str, number: str) -> None:
    assert attacker.send("GET", "/" + path.format(number), {}).status_code == 404


def test_the_log_from_a_place_that_no_file_has_is_the_whole_log(attacker: Attacker) -> None:
    path = f"/tasks/{attacker.world.completed.pk}/log"
    assert b"it goes on" in attacker.send("GET", path, {"after": LONG_NUMBER}).body


def test_a_version_that_is_no_number_is_told_and_what_was_typed_is_kept(
    attacker: Attacker,
) -> None:
    path = f"/tasks/{attacker.world.pending.pk}/edit"
    sent = {**Fields(attacker.client.get(path).content.decode()).values, "version": "9" * 5_000}
    response = attacker.send("POST", path, {}, sent | {"task_name": "typed just now"})
    assert response.status_code == 422
    assert b"typed just now" in response.body


HALVES = {
    "json": json.dumps(task_data(task_name="half \ud800")),
    "json key": json.dumps(task_data(fixed_parameters={"\udfff": 1})),
    "yaml": dump_document(task_data()) + 'fixed_parameters: {a: "\\ud800"}\n',
    "yaml key": '"\\ud800": 1\n',
}


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("action", ["save", "as_form", "check"])
def test_half_a_character_is_refused_by_the_form(
    attacker: Attacker, kind: str, action: str
) -> None:
    sent = {"view": "yaml", "text": HALVES[kind], "action": action}
    assert b"half of a character" in attacker.send("POST", "/tasks/new", {}, sent).body


@pytest.mark.parametrize("kind", HALVES)
def test_half_a_character_is_refused_by_the_imports(attacker: Attacker, kind: str) -> None:
    file = SimpleUploadedFile("half.yaml", HALVES[kind].encode())
    for path, sent in {
        "/tasks/import": {"action": "read", "pasted": HALVES[kind]},
        "/presets/import": {"file": file, "on_clash": "refuse"},
    }.items():
        assert b"half of a character" in attacker.send("POST", path, {}, sent).body


@pytest.mark.parametrize(
    "domain",
    [
        {"low": 0.0, "high": 1e30, "step": 1},
        {"low": 0.0, "high": 1e15, "step": 1e-15},
        {"low": -(2**62), "high": 2**62},
        {"low": -1e308, "high": 1e308, "step": 1e-300},
    ],
)
@pytest.mark.parametrize("action", ["save", "as_form", "check"])
def test_a_range_that_nobody_can_count_is_refused(
    attacker: Attacker, domain: dict[str, Any], action: str
) -> None:
    text = dump_document(task_data(parameters={"threads": domain}))
    attacker.send("POST", "/tasks/new", {}, {"view": "yaml", "text": text, "action": action})
    response = attacker.send("POST", "/tasks/new", {}, {"view": "yaml", "text": text})
    assert b"too many steps from low to high" in response.body


@pytest.mark.parametrize("query", ["/?q={}", "/compare?q={}", "/presets/shipped:llamacpp:{}/"])
def test_a_search_may_be_of_any_length(attacker: Attacker, query: str) -> None:
    path, _, rest = query.partition("?")
    text = "a" * 60_000
    response = attacker.send("GET", path.format(text), {"q": text} if rest else {})
    assert response.status_code == (200 if rest else 404)


def test_nothing_is_done_to_what_an_unreadable_search_finds(attacker: Attacker) -> None:
    sent = {"all": "1", "filters": f"q={'a' * 60_000}", "action": "archive", "sure": "1"}
    response = attacker.send("POST", "/tasks/bulk", {}, sent)
    assert response.status_code == 302
    assert told(response) == ["A filter could not be read; nothing was done."]


def test_more_tasks_than_a_query_can_name_are_too_many(attacker: Attacker) -> None:
    numbers = ",".join(map(str, range(1, 300_001)))
    sent = {"tasks": numbers, "action": "delete", "sure": "1"}
    (message,) = told(attacker.send("POST", "/tasks/bulk", {}, sent))
    assert message.startswith("300,000 tasks are too many")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded; charset=klingon", b"a=b"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff%fe&&&=&%00=1"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(7_000))),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nb"),
        ("application/json", b"{"),
        ("", b"\xff"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_body_breaks_a_form(attacker: Attacker, method: str, kind: str, body: bytes) -> None:
    pk = attacker.world.pending.pk
    path = {"POST": "import", "PUT": f"{pk}/edit", "PATCH": f"{pk}/details"}[method]
    response = attacker.client.generic(method, f"/tasks/{path}", body, content_type=kind)
    assert response.status_code < 500


FILES = {
    "zip": b"PK\x03\x04" + b"\x00" * 100,
    "database of nothing": b"SQLite format 3\x00" + b"\xff" * 5_000,
    "cut off database": b"SQLite format 3\x00",
    "picture": b"\x89PNG\r\n\x1a\n",
    "latin-1": "näme: x".encode("latin-1"),
    "utf-16": "task_name: a".encode("utf-16"),
    "nothing": b"",
    "five megabytes": b"a: b\n" * 1_000_000,
    "deep": b"[" * 100_000,
    "bomb": b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["x.yaml", f"{CANARY}.yaml", "../../etc/passwd", "\u202e.db"])
def test_a_file_that_is_something_else_is_refused_with_its_reason(
    attacker: Attacker, kind: str, name: str
) -> None:
    for path, field in (("/tasks/import", "files"), ("/presets/import", "file")):
        file = SimpleUploadedFile(name, FILES[kind])
        sent = {"action": "read", "on_clash": "refuse", field: file}
        response = attacker.send("POST", path, {}, sent)
        assert response.status_code in {200, 422}
        assert b"notice-error" in response.body or b"status-failed" in response.body


def test_what_the_forms_hold_is_right_before_something_is_changed(attacker: Attacker) -> None:
    """Else nothing that is tried here would come past the first check."""
    edit = next(place for place in FORMS if place.name == "task_edit")
    fields = attacker.fields_of(edit).values
    saved = attacker.send("POST", edit.path(attacker.world), {}, fields | {"description": "new"})
    assert saved.status_code == 302


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etcpasswd"),
        ("=cmd|' /C calc'!A0", "cmd-c-calca0"),
        (CANARY, "scriptalertcanaryscript"),
        ("%0d%0aSet-Cookie: x", "0d0aset-cookie-x"),
        ("\u202eevil", "evil"),
        ("שלום", "task-{pk}"),
    ],
)
def test_a_name_is_harmless_in_files_and_their_names(
    attacker: Attacker, name: str, file: str
) -> None:
    task = completed_task((50.0,), task_name=name)
    endings = {"export": ".yaml", "results.csv": "-run-1.csv", "results.json": "-run-1.json"}
    for path, ending in endings.items():
        response = attacker.send("GET", f"/tasks/{task.pk}/{path}", {})
        expected = f'attachment; filename="{file.format(pk=task.pk)}{ending}"'
        assert response.headers["Content-Disposition"] == expected
    for path in ("", "history", "log?q=a", "charts/score.svg", "charts/", "edit", "delete"):
        attacker.send("GET", f"/tasks/{task.pk}/{path}", {})
