"""Starts Rasa for Evoke, under Rasa's own Python: `python -m bot.nlu.server run …` takes Rasa's own arguments.

Two things differ from the plain `rasa` command, both because this Rasa (3.6.21) will never change again.
"""

from __future__ import annotations

import os
import sys


def prepare() -> None:
    """Sets what has to be set before Rasa is imported."""
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # TensorFlow imports jax only to convert models for phones, and survives its absence; it costs 1.3 s of start-up.
    sys.modules.setdefault("jax", None)  # type: ignore[arg-type]


def quicken_actions() -> None:
    """Checks an action's answer with a validator that was built once.

    `RemoteAction._validate_action_result` calls `jsonschema.validate`, which checks the (constant) schema itself on
    every action: about 20 of a turn's 26 ms.
    """
    from jsonschema import Draft202012Validator
    from rasa.core.actions.action import RemoteAction

    validator = Draft202012Validator(RemoteAction.action_response_format_spec())

    def validate(self: RemoteAction, result: object) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate


def die_with_parent() -> None:
    """Asks Linux to end this process when the application that started it is gone, however it went."""
    import ctypes
    import signal

    if os.environ.get("EVOKE_RASA_CHILD") and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() == 1:
            sys.exit(1)


def main() -> None:
    prepare()
    die_with_parent()
    import warnings

    warnings.filterwarnings("ignore")
    quicken_actions()
    from rasa.__main__ import main as rasa_main

    rasa_main()


if __name__ == "__main__":
    main()
