"""The statistics that the report states: intervals, kappa, F1. Plain Python, so that anyone can check them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

Z95 = 1.959964


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, with the Wilson score interval at 95% (Wilson 1927)."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        p, n, z = self.value, self.n, Z95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        if not self.n:
            return "no cases"
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}; {self.hits}/{self.n})"


def share(marks: Sequence[bool]) -> Share:
    return Share(sum(marks), len(marks))


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall and F1 of one class, 0 to 1; `n` is how often it is right."""

    precision: float
    recall: float
    f1: float
    n: int


def class_figures(gold: Sequence[str], found: Sequence[str], label: str) -> ClassFigures:
    both = sum(g == f == label for g, f in zip(gold, found, strict=True))
    claimed, real = sum(f == label for f in found), sum(g == label for g in gold)
    precision = both / claimed if claimed else 0.0
    recall = both / real if real else 0.0
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return ClassFigures(precision, recall, f1, real)


def macro_f1(gold: Sequence[str], found: Sequence[str], labels: Sequence[str]) -> float:
    """The mean of the classes' F1."""
    return sum(class_figures(gold, found, label).f1 for label in labels) / len(labels)


def kappa(gold: Sequence[str], found: Sequence[str]) -> float:
    """Cohen's kappa (1960)."""
    n = len(gold)
    if not n:
        return float("nan")
    observed = sum(g == f for g, f in zip(gold, found, strict=True)) / n
    labels = set(gold) | set(found)
    chance = sum(list(gold).count(label) * list(found).count(label) for label in labels) / (n * n)
    return (observed - chance) / (1 - chance) if chance < 1 else 1.0


def bootstrap(
    groups: Sequence[Hashable], measure: Callable[[Sequence[int]], float], *, times: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 95% percentile interval of a measure, drawing whole groups (conversations) with replacement.

    Args:
        groups: the group of each item.
        measure: takes the drawn items' numbers.
    """
    members: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    rng, pools = random.Random(seed), list(members.values())
    values = sorted(
        measure([number for pool in rng.choices(pools, k=len(pools)) for number in pool]) for _ in range(times)
    )
    return values[int(0.025 * times)], values[int(0.975 * times) - 1]


def percentile(values: Sequence[float], share_: float) -> float:
    """The value that `share_` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share_ * len(ordered)) - 1)] if ordered else float("nan")
