"""Reads the examples of all meanings once, so that `bot.mi.likeness` can compare messages with them at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bot.embedding import SIZE, Embedder
from bot.fingerprint import fingerprint
from bot.mi.likeness import Examples, Likeness, denies
from bot.mi.reflect_content import read_examples
from bot.settings import ROOT

MEANINGS = ROOT / "data" / "mi" / "meanings"
SOURCES = (
    *("data/mi/meanings/*.yml", "bot/embedding.py", "bot/meanings_training.py"),
    *("bot/mi/likeness.py", "bot/mi/reflect_content.py"),
)
KEEP = 2
PULLED, PULL = 20, 0.6
"""So many of the others' nearest examples count, and so much of what they are nearer than usual."""
SHRINKAGE = 0.6
"""How far the scatter within meanings is drawn to the sphere: about ten examples a meaning do not fill 384 dimensions.
Chosen by cross-validation over the bank's own examples (`python -m bot.meanings_training`)."""
_SLOT = re.compile(r"\{\w+(?::\w+)?\}")


def model_path(models: Path) -> Path:
    """Where the vectors of the present meanings are, once they are made."""
    return models / f"meanings-{fingerprint(SOURCES)}.npz"


def learn(texts: dict[str, tuple[list[str], list[str]]], embedder: Embedder) -> Examples:
    """The vectors of meanings given as name -> (examples, reflections)."""
    names = tuple(texts)
    owners = np.array([number for number, name in enumerate(names) for _ in texts[name][0]])
    spoken = [example for name in names for example in texts[name][0]]
    sentences = tuple(dict.fromkeys(sentence for name in names for sentence in texts[name][1]))
    vectors = embedder.embed(spoken).astype(np.float64)
    told, centre, means = whitened(vectors, owners, len(names))
    said = embedder.embed([_SLOT.sub("it", sentence) for sentence in sentences])
    denying = np.array([denies(example) for example in spoken])
    small = [array.astype(np.float32) for array in (vectors, told, centre, means, said)]
    none = np.zeros(len(names), np.float32)
    made = Examples(names, owners, small[0], denying, small[1], small[2], small[3], none, sentences, small[4])
    return replace(made, pull=pull_of(made, spoken, embedder))


def pull_of(made: Examples, spoken: list[str], embedder: Embedder) -> np.ndarray:
    """Half of how much nearer than usual the nearest examples of other meanings come to each meaning."""
    likeness = Likeness(made, embedder)
    values = np.concatenate(
        [likeness.values(made.vectors[at : at + 200], spoken[at : at + 200]) for at in range(0, len(spoken), 200)]
    )
    values[np.arange(len(spoken)), made.owners] = -1.0
    own_other = np.sort(values, axis=0)[-PULLED:].mean(axis=0)
    pull: np.ndarray = (PULL * (own_other - own_other.mean())).astype(np.float32)
    return pull


def whitened(vectors: np.ndarray, owners: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The map that makes the scatter within meanings round, the centre of the meanings in it, and their means."""
    means = np.array([vectors[owners == number].mean(axis=0) for number in range(count)])
    apart = vectors - means[owners]
    scatter = apart.T @ apart / len(vectors)
    scatter = (1 - SHRINKAGE) * scatter + SHRINKAGE * np.trace(scatter) / SIZE * np.eye(SIZE)
    values, axes = np.linalg.eigh(scatter)
    told = axes / np.sqrt(values)
    inside = means @ told
    centre = inside.mean(axis=0)
    inside = inside - centre
    return told, centre, inside / np.linalg.norm(inside, axis=1, keepdims=True)


def train(models: Path, progress: Callable[[str], None], force: bool = False) -> Path:
    """Makes the vectors if the present meanings have none yet; an interrupted run leaves no half file behind.

    Raises:
        ContentError: a meanings file is wrong; the message names it.
    """
    target = model_path(models)
    if target.exists() and not force:
        return target
    progress("reading the meanings' examples")
    made = learn(read_examples(MEANINGS), Embedder())
    models.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, **{name: np.array(getattr(made, name)) for name in Examples.__dataclass_fields__})  # type: ignore[arg-type]
    os.replace(unfinished, target)
    for old in sorted(models.glob("meanings-*.npz"), key=lambda path: path.stat().st_mtime)[:-KEEP]:
        old.unlink()
    return target


def load(models: Path) -> Likeness | None:
    """The comparison with the present meanings, about 0.3 s; None when their vectors are not made, or damaged."""
    path = model_path(models)
    try:
        with np.load(path) as file:
            values = {name: file[name] for name in Examples.__dataclass_fields__}
    except (OSError, ValueError, KeyError):
        return None
    for name in ("names", "sentences"):
        values[name] = tuple(values[name].tolist())
    return Likeness(Examples(**values), Embedder())


def validate(folds: int = 5) -> list[tuple[float, float, float, float]]:
    """Cross-validation over the bank's own examples: for each threshold of likeness, the share of held-out examples
    that reach it, and of these the shares whose likest meaning is their own, or of their own tone.

    Meanings overlap, and a neighbour's reflection is often true as well: the third figure is the nearer one.
    """
    from bot.mi.reflect_content import read_tones

    texts, embedder = read_examples(MEANINGS), Embedder()
    tone_of = {name: tone.id for tone in read_tones(MEANINGS.parent / "tones.yml") for name in tone.meanings}
    found: list[tuple[float, bool, bool]] = []
    for fold in range(folds):
        kept = {n: ([e for i, e in enumerate(ex) if i % folds != fold], said) for n, (ex, said) in texts.items()}
        likeness = Likeness(learn(kept, embedder), embedder)
        for name, (examples, _) in texts.items():
            for example in examples[fold::folds]:
                likes = likeness.read([example]).likes
                best = max(likes, key=lambda other: likes[other].value)
                same = best == name
                found.append((likes[best].value, same, same or tone_of.get(best, best) == tone_of.get(name, name)))
    rows = []
    for threshold in (0.0, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2):
        reached = [row for row in found if row[0] >= threshold]
        count = max(1, len(reached))
        rows.append(
            (
                threshold,
                len(reached) / len(found),
                sum(r[1] for r in reached) / count,
                sum(r[2] for r in reached) / count,
            )
        )
    return rows


if __name__ == "__main__":
    print("likeness  reached  own meaning  own tone")
    for row in validate():
        print("{:8.2f} {:8.2f} {:12.2f} {:9.2f}".format(*row))
