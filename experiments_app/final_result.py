"""What the final found, as it is kept in `Run.final`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self


class FinalVerdict(StrEnum):
    BETTER = "better"
    """The winner is better than the default; `gain_ci95` lies above 0."""
    TIE = "tie"
    """Several leaders cannot be told apart, all better than the default: the simplest is chosen."""
    DEFAULT = "default"
    """Nothing beats the default."""
    INFEASIBLE = "infeasible"
    """Nothing meets the SLO."""
    NOISY = "noisy"
    """The machine is too noisy to say; `why` tells."""
    UNCONFIRMED = "unconfirmed"
    """The search's own figures stand alone; `why` tells."""


@dataclass(frozen=True)
class Estimate:
    """One contender. Scores in the objective's unit, gains over the default as ratios minus 1;
    `ci95` are 95 % intervals. `gain` is None for the default, and where it has no score."""

    number: int
    repeats: int
    score: float | None
    score_ci95: tuple[float, float] | None = None
    gain: float | None = None
    gain_ci95: tuple[float, float] | None = None
    changed_flags: int = 0


@dataclass(frozen=True)
class Drift:
    """How the default's own score moved from its first measurement to its last, as a ratio - 1."""

    change: float
    ci95: tuple[float, float]
    is_real: bool
    checks: int


@dataclass(frozen=True)
class Undo:
    """The winner without one of its flags, and without those before it that are not needed:
    `number` is its experiment. `is_needed`: the flag stays, because it is worse without it, or was
    not shown to be as good. `change` is None where it could not be measured."""

    flag: str
    number: int
    change: float | None
    ci95: tuple[float, float] | None
    is_needed: bool


@dataclass(frozen=True)
class Final:
    """`rounds` that have ended, in each of which every contender is measured once, of at most
    `max_rounds`. `noise` is the relative standard deviation of a repeat; `engine_s` what the final
    took of `budget_s`. `executions`: number, repeat and round of all that was started;
    `first_round` is later than 1 where the search went on after an earlier final. `undo_rounds`:
    rounds of the undo test, in which the winner is measured beside a configuration of its own,
    with the number of that. `simplified_from`: the contender that won, where the undo test has
    left out some of its flags; then `winner` is that configuration without them. `earlier`: the one
    that the run went on after, until this one has ended. `has_gone_on`: the run went on after it
    and ended without another."""

    contenders: tuple[int, ...] = ()
    rounds: int = 0
    first_round: int = 1
    max_rounds: int = 0
    executions: tuple[tuple[int, int, int], ...] = ()
    undo_rounds: tuple[tuple[int, int], ...] = ()
    is_done: bool = False
    verdict: FinalVerdict | None = None
    winner: int | None = None
    tied: tuple[int, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    noise: float | None = None
    drift: Drift | None = None
    undo: tuple[Undo, ...] = field(default=())
    simplified_from: int | None = None
    engine_s: float = 0.0
    budget_s: float = 0.0
    why: str = ""
    earlier: "Final | None" = None
    has_gone_on: bool = False

    def estimate_of(self, number: int) -> Estimate | None:
        return next((e for e in self.estimates if e.number == number), None)

    @property
    def has_begun(self) -> bool:
        """Not one whose run goes on with its search: that keeps only what was measured again."""
        return self.is_done or bool(self.contenders)

    @property
    def is_reopened(self) -> bool:
        """Whether the search went on after a final; there will be another one."""
        return not self.has_begun and bool(self.executions)

    def reopened(self) -> "Final":
        """For another one, which uses the repeats that there are."""
        ended = replace(self, earlier=None, has_gone_on=False) if self.is_done else self.earlier
        return Final(
            executions=self.executions,
            undo_rounds=self.undo_rounds,
            engine_s=self.engine_s,
            drift=self.drift,
            earlier=ended,
        )

    def given_up(self) -> "Final":
        """The run ends without it: what the earlier one found stands again, where there was one."""
        if self.is_done or self.earlier is None:
            return self
        return replace(
            self.earlier,
            executions=self.executions,
            undo_rounds=self.undo_rounds,
            engine_s=self.engine_s,
            has_gone_on=True,
        )

    def undo_of(self, at: int | None) -> int | None:
        """The configuration that a round of the undo test is about; None for all other rounds."""
        return dict(self.undo_rounds).get(at) if at is not None else None

    def undo_rounds_of(self, number: int) -> list[int]:
        """Those of this final that are about a configuration."""
        return [at for at, one in self.undo_rounds if one == number and at >= self.first_round]

    def is_beside(self, number: int, repeat: int) -> bool:
        """Whether an execution of the winner is there for the undo test to compare with."""
        rounds = {(one, again): at for one, again, at in self.executions}
        return self.undo_of(rounds.get((number, repeat))) not in {None, number}

    @property
    def left_out(self) -> tuple[str, ...]:
        """The flags of the contender that won which the recommended configuration lacks."""
        if self.simplified_from is None:
            return ()
        return tuple(undo.flag for undo in self.undo if not undo.is_needed)

    @property
    def won(self) -> Estimate | None:
        """How the winner of a final that has ended came out."""
        if not self.is_done or self.winner is None:
            return None
        return self.estimate_of(self.winner)

    @property
    def gain(self) -> float | None:
        """The winner's over the default; 0 where that is the default itself."""
        if self.won is None:
            return None
        return 0.0 if self.won.number == 0 else self.won.gain

    @property
    def gain_ci95(self) -> tuple[float, float] | None:
        return self.won.gain_ci95 if self.won else None

    def to_data(self) -> dict[str, Any]:
        """With the `gain` that follows from it, which the database sorts by."""
        return asdict(self) | {"gain": self.gain}

    @classmethod
    def from_data(cls, data: Mapping[str, Any] | None) -> Self | None:
        """As `Run.final` keeps it; None before there is one."""
        if not data:
            return None
        drift = data.get("drift")
        known = {key: value for key, value in data.items() if key != "gain"} | {
            "contenders": tuple(data["contenders"]),
            "tied": tuple(data["tied"]),
            "executions": tuple((n, again, at) for n, again, at in data.get("executions", ())),
            "undo_rounds": tuple((at, number) for at, number in data.get("undo_rounds", ())),
            "verdict": FinalVerdict(data["verdict"]) if data.get("verdict") else None,
            "estimates": tuple(
                Estimate(**_with_pairs(e, "score_ci95", "gain_ci95")) for e in data["estimates"]
            ),
            "drift": Drift(**_with_pairs(drift, "ci95")) if drift else None,
            "undo": tuple(Undo(**_with_pairs(u, "ci95")) for u in data["undo"]),
            "earlier": cls.from_data(data.get("earlier")),
        }
        return cls(**known)


def _with_pairs(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    pairs = {name: tuple(data[name]) for name in names if data.get(name)}
    return dict(data) | pairs
