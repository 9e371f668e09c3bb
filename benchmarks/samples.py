"""Samples: what was measured in several rounds, and rows: one line of the table, with its aim.

The rounds of things that are compared are interleaved (A B A B), so that whatever else the computer does falls on all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure in one unit, round by round."""

    rounds: tuple[float, ...]
    unit: str = "ms"

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.rounds)

    def __str__(self) -> str:
        low, high = min(self.rounds), max(self.rounds)
        spread = f" [{short(low)}..{short(high)}]" if len(self.rounds) > 1 else ""
        return f"{short(self.median)} {self.unit}{spread}"


def short(number: float) -> str:
    """Give a figure with as many digits as it deserves."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def ratio(of: Sample, to: Sample) -> float:
    """Give the middle of the ratios of rounds that ran one right after the other."""
    return median(a / b for a, b in zip(of.rounds, to.rounds, strict=True) if b)


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at: a figure that is to stay below a limit."""

    words: str
    figure: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.figure < self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `beside` holds the floors and the peer that were measured in the same rounds."""

    group: str
    name: str
    sample: Sample
    aim: Aim | None = None
    beside: Mapping[str, Sample] = field(default_factory=dict)
    note: str = ""


def interleave(rounds: int, runs: Mapping[str, Callable[[], float]], unit: str = "ms") -> dict[str, Sample]:
    """Run each once a round, in turn, and give the samples. Each gives its own figure, since only it knows what to leave out."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(run())
    return {name: Sample(tuple(figures), unit) for name, figures in taken.items()}
