"""One hash over files, by which a trained model's name tells what data it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.settings import ROOT


def fingerprint(sources: Sequence[str]) -> str:
    """SHA-256 over all that a model depends on (patterns from the root); twelve digits of it are in its name."""
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(ROOT.glob(source)):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
