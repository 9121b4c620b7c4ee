"""The `evoke` command line. Each command's work is in a module of its own; here are only its words and errors."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Evoke")
staff_app = typer.Typer(no_args_is_help=True, help="People who sign in to the console.")
app.add_typer(staff_app, name="staff")
console = Console(stderr=True)

File = Annotated[Path | None, typer.Argument(help="JSON Lines; standard input when left out.")]


@app.command()
def run() -> None:
    """Start the bot, Rasa, the web page and the console."""
    from bot.serve import run as serve

    settings = _settings()
    _ensure_model(settings)
    asyncio.run(serve(settings, console))


@app.command()
def chat(
    new: Annotated[bool, typer.Option("--new", help="Begin a new conversation.")] = False,
    url: Annotated[str, typer.Option(help="Address of a running Evoke; by default this machine's.")] = "",
) -> None:
    """Talk in the terminal."""
    from bot.chat import chat as talk

    settings = _settings()
    if not url:
        _ensure_model(settings)
    asyncio.run(talk(settings, url, new, console))


@app.command()
def calendars() -> None:
    """The private address of each clinician's calendar feed."""
    from bot.clinic.config import ClinicConfig
    from bot.clinic.feed import address_of

    settings = _settings()
    key, public = settings.session_key(), settings.public_url or f"http://{settings.host}:{settings.port}"
    for clinician in ClinicConfig.of(settings.clinic_file).clinicians:
        typer.echo(f"{clinician.name}\t{address_of(key, public, clinician.id)}")


@app.command()
def train(force: Annotated[bool, typer.Option("--force", help="Train even if nothing changed.")] = False) -> None:
    """Train the Rasa model, the risk model and the meanings' vectors where their data has changed."""
    _ensure_model(_settings(), force)


@app.command()
def screen(file: File = None) -> None:
    """Safety screen: {"id","text"} or {"id","turns"} in; tier, kinds and evidence out."""
    from bot.commands.screen import screener

    settings = _settings()
    _ensure_risk_model(settings)
    _each_line(file, screener(settings))


@app.command()
def reflect(
    file: File = None, explain: Annotated[bool, typer.Option("--explain", help="Show candidates.")] = False
) -> None:
    """Reflections: {"id","text","topic"?,"previous"?} in; the reflection and its kind out."""
    from bot.commands.reflect import reflector
    from bot.settings import Settings

    settings = Settings()  # without the logs: this command starts in under three seconds, and logs nothing
    _ensure_meanings(settings)
    _each_line(file, reflector(settings, explain))


@app.command()
def annotate(file: File = None) -> None:
    """Client language: {"id","text","previous"?} in; intent, talk, ambivalence and DARN-CAT codes out."""
    from bot.commands.annotate import annotate as work

    settings = _settings()
    _ensure_model(settings)
    _lines_at_once(file, lambda lines: asyncio.run(work(settings, lines, sys.stdout)))


@app.command()
def replay(
    file: File = None,
    start: Annotated[str, typer.Option(help="welcome, consented, or auto: as the first turn suggests.")] = "auto",
) -> None:
    """Whole stack on a throw-away database: {"conversation_id","turns"} in; one line a turn out."""
    from bot.commands.replay import replay as work

    settings = _settings()
    _ensure_model(settings)
    _lines_at_once(file, lambda lines: asyncio.run(work(settings, lines, sys.stdout, start)))


@app.command()
def fidelity(file: File = None) -> None:
    """MITI-style counts: replay output or {"conversation_id","speaker","text"} in; counts and ratios out."""
    from bot.commands.fidelity import fidelity as work

    _lines_at_once(file, lambda lines: work(lines, sys.stdout))


@app.command()
def bench(
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
    clients: Annotated[int, typer.Option(help="Clients at the same time.")] = 10,
    turns: Annotated[int, typer.Option(help="Messages from each client.")] = 12,
) -> None:
    """Throughput and latency of the whole path, and of stock Rasa on the same data."""
    from bot.commands.bench import bench as work

    settings = _settings()
    _ensure_model(settings)
    asyncio.run(work(settings, console, as_json, clients, turns))


@app.command()
def check() -> None:
    """Check clinic.yml and all content, and show what a client in crisis would see right now."""
    from bot.commands.check import check as work

    raise typer.Exit(work(_settings(), console))


@app.command()
def export(
    client: str, page: Annotated[bool, typer.Option("--page", help="A page to read (HTML) instead of JSON.")] = False
) -> None:
    """Everything kept about a client, as JSON or as a page to read."""
    from bot.commands.rights import export as work

    work(_settings(), client, sys.stdout, page)


@app.command()
def erase(client: str, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Erase a client everywhere, leaving one line without content in the audit."""
    from bot.commands.rights import erase as work

    if not yes:
        typer.confirm(f"Erase everything about {client}?", abort=True)
    work(_settings(), client, console)


@app.command()
def invite(
    note: Annotated[str, typer.Option(help="To know it again; no health information.")] = "",
    days: Annotated[int, typer.Option(help="How long it is good for.")] = 14,
) -> None:
    """Make an invitation for one client: a link for Telegram and one for the web, shown once."""
    from bot.commands.invite import invite as work

    work(_settings(), note, days, sys.stdout)


@app.command()
def backup(file: Path) -> None:
    """Copy the database into a new file, also while Evoke runs."""
    from bot.commands.backup import backup as work

    work(_settings(), file, console)


@app.command()
def restore(file: Path, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Put a backup in the database's place; Evoke has to be stopped."""
    from bot.commands.backup import restore as work

    if not yes:
        typer.confirm(f"Replace the present database by {file}?", abort=True)
    work(_settings(), file, console)


@staff_app.command("add")
def staff_add(
    email: str,
    name: Annotated[str, typer.Option(help="As shown in the console.")] = "",
    role: Annotated[str, typer.Option(help="admin, clinician, front_desk or auditor.")] = "clinician",
) -> None:
    """Add someone to the console; the first password is shown once."""
    from bot.commands.staff import add

    add(_settings(), email, name, role, console)


def _settings() -> Any:
    from bot.logs import configure
    from bot.settings import Settings

    settings = Settings()
    configure(settings.log_level)
    return settings


def _ensure_model(settings: Any, force: bool = False) -> None:
    """Trains when the present data has no model, and shows how far it is."""
    from bot.training import model_path, train

    _ensure_risk_model(settings, force)
    _ensure_meanings(settings, force)
    if model_path(settings).exists() and not force:
        return
    with console.status("Training the Rasa model: reading the data (about a minute in all) …") as status:
        train(settings, lambda step: status.update(f"Training the Rasa model: {step} …"), force)
    console.print("The Rasa model is trained.")


def _ensure_risk_model(settings: Any, force: bool = False) -> None:
    """The same for the safety screen's scorer."""
    from bot.safety_training import model_path, train

    if model_path(settings).exists() and not force:
        return
    with console.status("Training the risk model (under a minute) …") as status:
        train(settings, lambda step: status.update(f"Training the risk model: {step} …"), force)
    console.print("The risk model is trained.")


def _ensure_meanings(settings: Any, force: bool = False) -> None:
    """The same for the vectors by which meanings are told."""
    from bot.meanings_training import model_path, train

    if model_path(settings.models).exists() and not force:
        return
    with console.status("Reading the meanings' examples (some seconds) …"):
        train(settings.models, lambda step: None, force)
    console.print("The meanings' examples are read.")


def _each_line(file: Path | None, work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from bot.commands.lines import each_line

    with _input(file) as source:
        raise typer.Exit(each_line(source, sys.stdout, work))


def _lines_at_once(file: Path | None, work: Callable[[list[str]], int]) -> None:
    with _input(file) as source:
        lines = source.readlines()
    raise typer.Exit(work(lines))


def _input(file: Path | None) -> Any:
    if file is None:
        import contextlib

        return contextlib.nullcontext(sys.stdin)
    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}")
    return file.open(encoding="utf-8")


def main() -> None:
    """Runs a command; a known trouble is one sentence on standard error and exit status 1."""
    from pydantic import ValidationError

    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except ValidationError as error:
        for problem in error.errors():
            name = "EVOKE_" + "_".join(str(part) for part in problem["loc"]).upper()
            console.print(f"[red]The setting {name} is wrong: {problem['msg']}.[/red]", highlight=False)
        sys.exit(1)
    except Exception as error:
        from bot.troubles import sentence_for

        sentence = sentence_for(error)
        if sentence is None:
            raise
        console.print(sentence, style="red", highlight=False, markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
