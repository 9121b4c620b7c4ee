"""The plots of docs/evaluation.md, as SVG beside it. Drawn by Matplotlib (PSF-like licence), which only this needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.settings import ROOT

IMAGES = ROOT / "docs" / "images"


def reliability(bins: Sequence[tuple[float, float, float, float, int]], name: str) -> str:
    """How often a confidence is right: (mean confidence, share right, low, high, n) for each bin. The Markdown."""
    figure, axes = _figure("confidence", "share that is right")
    axes.plot([0.2, 1], [0.2, 1], color="grey", linewidth=1, linestyle="--", label="as confident as right")
    x, y = [b[0] for b in bins], [b[1] for b in bins]
    errors = [[b[1] - b[2] for b in bins], [b[3] - b[1] for b in bins]]
    axes.errorbar(x, y, yerr=errors, marker="o", capsize=3, color="#1f5f8b", label="measured, with 95% interval")
    axes.set_xlim(0.2, 1.02)
    axes.legend(loc="upper left", frameon=False)
    return _saved(figure, name, "Reliability: how often a given confidence is right")


def precision_recall(curves: Mapping[str, Sequence[tuple[float, float]]], name: str) -> str:
    """Precision against recall, a line for each curve of (recall, precision); one point is drawn as a mark."""
    figure, axes = _figure("recall (sensitivity)", "precision")
    for label, points in curves.items():
        x, y = [p[0] for p in points], [p[1] for p in points]
        axes.plot(x, y, marker="o" if len(points) == 1 else "", linestyle="-" if len(points) > 1 else "", label=label)
    axes.set_xlim(0, 1.02)
    axes.legend(loc="lower left", frameon=False)
    return _saved(figure, name, "Precision against recall")


def _figure(x: str, y: str):  # type: ignore[no-untyped-def]
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "evoke"  # the same plot is the same file
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(0, 1.02)
    axes.grid(color="0.9")
    return figure, axes


def _saved(figure, name: str, title: str) -> str:  # type: ignore[no-untyped-def]
    IMAGES.mkdir(parents=True, exist_ok=True)
    path: Path = IMAGES / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    return f"![{title}](images/{path.name})"
