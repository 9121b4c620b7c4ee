"""`python -m tests.eval [--research DIR] [--only NAME]`: measures, and rewrites docs/evaluation.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bot.settings import Settings
from bot.training import train
from tests.eval import client_language_report, intents_report, risk_report
from tests.eval.report import REPORT, circumstances, put

Section = Callable[[Settings, Path | None], str]
SECTIONS: dict[str, Section] = {
    # name in the report -> what measures it and gives its Markdown; one more figure is one more line
    "risk": lambda settings, research: risk_report.section(research),
    "intents": lambda settings, research: intents_report.section(settings),
    "client_language": lambda settings, research: asyncio.run(client_language_report.section(settings, research)),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument(
        "--research", type=Path, metavar="DIR", help="folder of public research data, not in the project"
    )
    parser.add_argument("--only", choices=SECTIONS, help="measure one section; the others stay as they are")
    parser.add_argument("--report", type=Path, default=REPORT, help="file to write")
    chosen = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console, settings = Console(stderr=True), Settings()
    with console.status("Looking for the Rasa model …") as status:
        train(settings, lambda step: status.update(f"Training the Rasa model: {step} …"))
    for name in [chosen.only] if chosen.only else SECTIONS:
        with console.status(f"Measuring {name} …"):
            body = SECTIONS[name](settings, chosen.research)
        put(name, f"{body}\n\n{circumstances(_command(name, chosen.research))}", chosen.report)
        console.print(f"{name}: written to {chosen.report}")


def _command(name: str, research: Path | None) -> str:
    return f"python -m tests.eval --only {name}" + (" --research DIR" if research else "")


if __name__ == "__main__":
    main()
