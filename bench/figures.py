"""A measured figure beside what we aim at, and how a table of them looks."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One result; `aim` is the most it should be, None where there is no aim."""

    name: str
    value: float
    unit: str
    aim: float | None = None

    def line(self) -> str:
        """The figure as a row of a table."""
        verdict = "" if self.aim is None else f"aim {self.aim:g}  {'met' if self.value <= self.aim else 'MISSED'}"
        return f"{self.name:<44} {self.value:>10.3f} {self.unit:<4} {verdict}"


def percentiles(name: str, samples: Sequence[float], unit: str, aim: float | None = None) -> Iterable[Figure]:
    """The median and the 99th percentile of samples; the aim is the latter's."""
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    yield Figure(f"{name}, median", cuts[49], unit)
    yield Figure(f"{name}, 99 %", cuts[98], unit, aim)
