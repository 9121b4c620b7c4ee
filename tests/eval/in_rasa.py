"""Runs a script of this folder under Rasa's own Python, where scikit-learn and the pipeline's parts are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bot.rasa_process import environment
from bot.settings import ROOT, Settings


def answer_of(settings: Settings, script: str, given: Any = None) -> Any:
    """What `script` prints as the last line, JSON in and JSON out. CalledProcessError when it fails."""
    done = subprocess.run(
        [str(settings.rasa_python), str(Path(__file__).parent / script)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**environment(), "PYTHONPATH": str(ROOT)},
    )
    return json.loads(done.stdout.splitlines()[-1])
