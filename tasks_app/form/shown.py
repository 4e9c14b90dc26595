"""What stands around each field of the task form: errors, explanations, what it will hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.forms import BoundField

from tasks_app.form import notes as form_notes
from tasks_app.form import rows as form_rows
from tasks_app.form.document import DERIVED
from tasks_app.form.fields import ROWS, FieldPlace, Section
from tasks_app.form.objectives import FIELD, BoxLine, lines_of
from tasks_app.form.objectives import TITLES as METRICS
from tasks_app.form.rows import Row
from tasks_app.form.sections import PLACES
from tasks_app.spec_cost import Cost
from tasks_app.spec_quality import Quality
from tasks_app.spec_sections import STATISTICS, Benchmark, Optimization

if TYPE_CHECKING:
    from tasks_app.form.task import TaskForm

TITLES: Mapping[str, str] = {"sglang": "SGLang", "vllm": "vLLM", "llamacpp": "llama.cpp"}


@dataclass(frozen=True)
class ShownField:
    """A field of the form with all that stands around it."""

    form: "TaskForm"
    place: FieldPlace

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def bound(self) -> BoundField:
        bound = self.form[self.place.name]
        if self.live_errors:
            bound.field.widget.attrs["aria-invalid"] = "true"
        if self.form.first_error == f"id_{self.name}":
            bound.field.widget.attrs["autofocus"] = True
        return bound

    @property
    def looks(self) -> str:
        """Which template shows it."""
        if self.place.kind is ROWS or self.name == FIELD:
            return self.name
        return "cards" if self.place.explained else "line"

    @property
    def own_errors(self) -> list[str]:
        """Without those that stand at a row."""
        if not self.form.is_bound:
            return []
        errors = list(map(str, self.form.errors.get(self.place.name, [])))
        at_rows = any(row.errors for row in self.form.rows.get(self.place.name, ()))
        return [] if self.place.kind is ROWS and at_rows else errors

    @property
    def is_touched(self) -> bool:
        return self.form.is_touched(self.name)

    @property
    def live_errors(self) -> list[str]:
        """Those that are shown while the form is filled in."""
        return self.own_errors if self.is_touched else []

    @property
    def cards(self) -> list[tuple[str, str, str]]:
        """Value, title and meaning of each choice; what is stored or typed stays among them."""
        choices = list(self.place.choices)
        if self.name == "base_runtime":
            choices = [(name, TITLES.get(name, name)) for name in self.form.catalogue.names]
        value = self.form.typed(self.name)
        if value and value not in dict(choices):
            choices.append((value, value))
        return [(name, title, self.place.explained.get(name, "")) for name, title in choices]

    @property
    def chosen(self) -> str:
        return self.form.typed(self.name) or _standard_text(self.place)

    @property
    def typed(self) -> str:
        return self.form.typed(self.name)

    @property
    def box_lines(self) -> list[BoxLine]:
        return lines_of(self.form.typed(self.name))

    @property
    def derived(self) -> str:
        """What it will hold when it is left empty; "" where it holds that already."""
        derived = self.form.derived.values.get(self.name, "") if self.name in DERIVED else ""
        return "" if derived == self.form.typed(self.name).strip() else derived

    @property
    def scenario_notes(self) -> list[tuple[str, str]]:
        if self.name != "traffic_scenarios":
            return []
        return form_notes.scenario_notes(self.form.typed(self.name))

    @property
    def rows(self) -> list["ShownRow"]:
        return [ShownRow(self.form, row) for row in self.form.rows[self.name]]

    @property
    def rows_to_tell(self) -> list["ShownRow"]:
        """Those that anything is told about while they are filled in."""
        return self.rows[: form_notes.EXPLAINED_ROWS] if self.place.kind is ROWS else []

    @property
    def has_default(self) -> bool:
        """Whether it can be reset to what the schema or the model says."""
        return self.name in DERIVED

    @property
    def typical_scenarios(self) -> tuple[tuple[str, str, str], ...]:
        return form_notes.TYPICAL_SCENARIOS

    @property
    def new_row(self) -> "ShownRow":
        """What the script makes a new row from."""
        blank = Row(self.name, 0, dict(form_rows.BLANK[self.name]))
        return ShownRow(self.form, blank, number="__n__")


@dataclass(frozen=True)
class ShownRow:
    form: "TaskForm"
    row: Row
    number: str = ""

    @property
    def prefix(self) -> str:
        return f"{self.row.section}-{self.shown_number}"

    @property
    def shown_number(self) -> str:
        return self.number or str(self.row.number)

    @property
    def section(self) -> str:
        return self.row.section

    @property
    def metrics(self) -> list[tuple[str, str]]:
        own = self.row.cells["metric"]
        return [*METRICS.items(), *([] if own in METRICS else [(own, own)])]

    @property
    def statistics(self) -> list[str]:
        own = self.row.cells["statistic"]
        return [*STATISTICS, *([] if own in STATISTICS else [own])]

    @property
    def cells(self) -> Mapping[str, str]:
        return self.row.cells

    @property
    def live_errors(self) -> list[str]:
        return self.row.errors if self.form.is_touched(self.prefix) else []

    @property
    def is_first_error(self) -> bool:
        return (self.form.first_error or "").startswith(f"id_{self.prefix}-")

    @property
    def about(self) -> form_notes.FlagAbout | None:
        if self.row.section == form_rows.SLO:
            return None
        return self.form.about(self.row.name)

    @property
    def note(self) -> str:
        if self.row.section != form_rows.SLO:
            return ""
        place = PLACES["max_requests_per_level"]
        return form_notes.slo_note(self.row, place.read(self.form.typed(place.name)))


@dataclass(frozen=True)
class ShownSection:
    """A section of the form with its fields; `more` are its folded parts."""

    form: "TaskForm"
    section: Section

    @property
    def fields(self) -> list[ShownField]:
        return [ShownField(self.form, place) for place in self.section.places]

    @property
    def more(self) -> list["ShownSection"]:
        return [ShownSection(self.form, part) for part in self.section.more]

    @property
    def is_used(self) -> bool:
        """Whether anything in it is set, or wrong: it is not folded away then."""
        return any(
            shown.own_errors or self.form.typed(shown.name) not in {"", _standard_text(shown.place)}
            for shown in self.fields
        )


def _standard_text(place: FieldPlace) -> str:
    """What a field shows of a task that leaves it as it is."""
    return place.text_in(_standard()) or (place.choices[0][0] if place.choices else "")


@cache
def _standard() -> dict[str, Any]:
    return {
        "optimization": Optimization().model_dump(mode="json"),
        "benchmark": Benchmark().model_dump(mode="json"),
        "quality": Quality().model_dump(mode="json"),
        "cost": Cost().model_dump(mode="json"),
    }
