"""The clinician's summary as a PDF, for the paper record. Made when it is asked for, and not kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.clinic.config import ClinicConfig
from bot.clinic.slots import MONTHS, WEEKDAYS
from bot.clinic.summary import Line, Result, Risk, Source, Summary, words

if TYPE_CHECKING:
    from fpdf import FPDF

INK, SOFT, RULE = (24, 33, 43), (88, 99, 110), (205, 212, 218)
SHADES = {"importance": (11, 87, 120), "confidence": (176, 94, 0), "readiness": (70, 110, 40)}
PLOT_HEIGHT, PLOT_WIDTH, PLOT_MARGIN = 34.0, 110.0, 8.0
HEADING_ROOM = 24.0
"""Millimetres that a heading needs below it, so that it does not stand alone at a page's end."""
MISSING = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that the font does not have, such as an emoji."""


def summary_pdf(summary: Summary, config: ClinicConfig) -> bytes:
    """The summary on A4 pages."""
    return _Pages(summary, config).make()


class _Pages:
    def __init__(self, summary: Summary, config: ClinicConfig) -> None:
        from fpdf import FPDF  # here, since it and its font are loaded for this alone

        self.summary, self.zone, self.words = summary, config.zone, words()

        class Numbered(FPDF):
            """Names the client and the page at the end of each, for sheets that fall apart."""

            def footer(self) -> None:
                self.set_y(-12)
                self.set_font("Noto", size=8)
                self.set_text_color(*SOFT)
                self.cell(0, 4, f"Client id {summary.client.id}, page {self.page_no()}")

        self.pdf = Numbered(format="A4")
        self.pdf.set_auto_page_break(True, margin=18)
        self.pdf.set_margins(18, 18)
        font = files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf"
        self.pdf.add_font("Noto", fname=str(font))
        noto: Any = self.pdf.fonts["noto"]
        self._drawable = set(noto.ttfont.getBestCmap())
        self.pdf.set_title(f"Summary {summary.client.id[:8]}")  # no name: a file's title is shown in many places
        self.pdf.set_creator("Evoke")
        self.pdf.set_lang("en")

    def make(self) -> bytes:
        summary, heading = self.summary, self.words["headings"]
        self.pdf.add_page()
        self._head()
        self._section(heading["risk"], "", self._risks(summary.risks))
        self._section(heading["reasons"], "reasons", self._lines(summary.reasons))
        if summary.against:
            self._section(heading["against"], "reasons", self._lines(summary.against))
        self._section(heading["rulers"], "rulers", self._rulers(summary.rulers))
        self._section(heading["plan"], "plan", self._labelled(summary.plan))
        self._section(heading["questionnaires"], "questionnaires", self._results(summary.results))
        self._section(heading["appointments"], "", self._appointments())
        self._section(heading["sources"], "", self._sources(summary.sources))
        return bytes(self.pdf.output())

    # -- sections --------------------------------------------------------------------------------------------------

    def _head(self) -> None:
        summary = self.summary
        self._text(summary.client.name or f"Client {summary.client.id[:6]}", 17, bold=True)
        made = f"{summary.clinic}, {_when(summary.made_at, self.zone)}. Client id {summary.client.id}"
        self._text(made, 9, SOFT)
        if summary.client.contact:
            self._text(f"Contact: {summary.client.contact}", 9, SOFT)
        self._text(self.words["note"], 9, SOFT)
        shared = [self.words["shares"][item] for item in self.words["shares"] if item in summary.shared]
        self._text(f"{self.words['headings']['shares']}: {', '.join(shared) or 'nothing'}.", 9, SOFT)
        if summary.topics:
            self._text("About: " + ", ".join(topic.replace("_", " ") for topic in summary.topics) + ".", 10.5)

    def _section(self, heading: str, item: str, body: Iterable[Any]) -> None:
        """A heading and its body; `item` is what the client has to have agreed to."""
        if self.pdf.will_page_break(HEADING_ROOM):
            self.pdf.add_page()
        self.pdf.ln(3)
        self._text(heading, 12.5, bold=True)
        if item and item not in self.summary.shared:
            self._text(self.words["not_agreed"], 10, SOFT)
            return
        if not list(body):  # writes as it goes
            self._text(self.words["nothing"], 10, SOFT)

    def _lines(self, lines: Sequence[Line]) -> Iterable[Line]:
        for line in lines:
            kind = f"{line.label}, " if line.label else ""
            self._text(f"“{line.text}”", 10.5)
            self._text(f"{kind}{_where(line.source)}", 8, SOFT)
            yield line

    def _labelled(self, lines: Sequence[Line]) -> Iterable[Line]:
        for line in lines:
            self._text(f"{line.label}: {line.text}", 10.5)
            self._text(_where(line.source), 8, SOFT)
            yield line

    def _rulers(self, lines: Sequence[Line]) -> Iterable[Line]:
        if lines:
            self._plot(lines)
        for line in lines:
            self._text(f"{line.text}  ({_where(line.source)}{_at(line.source, self.zone)})", 9.5)
            yield line

    def _results(self, results: Sequence[Result]) -> Iterable[Result]:
        for result in results:
            self._text(f"{result.screener.name}, {_when(result.finished_at, self.zone)}", 11, bold=True)
            self._text(score_text(result), 10.5)
            for line in result.answers:
                self._text(f"{line.label}: {line.text}  ({_where(line.source)})", 9)
            self._text(f"Scoring: {result.screener.source}", 8, SOFT)
            yield result

    def _risks(self, risks: Sequence[Risk]) -> Iterable[Risk]:
        self._text(self.words["risk_note"], 8, SOFT)
        for risk in risks:
            self._text(f"{risk_text(risk)}  ({_where(risk.source)})", 10.5)
            opened = f"opened {_when(risk.case.opened_at, self.zone)}"
            closed = f", closed {_when(risk.case.closed_at, self.zone)}" if risk.case.closed_at else ", open"
            self._text(opened + closed + (f": {risk.case.outcome}" if risk.case.outcome else ""), 9, SOFT)
            for asked, answer in risk.answers:
                self._text(f"{asked}: {answer}", 9)
            yield risk

    def _appointments(self) -> Iterable[Any]:
        for appointment in self.summary.appointments:
            self._text(f"{_when(appointment.starts_at, self.zone)}, {appointment.status}", 10.5)
            yield appointment

    def _sources(self, sources: Sequence[Source]) -> Iterable[Source]:
        for source in sources:
            said = f": {source.words}" if source.words else ""
            self._text(f"{_where(source)}{_at(source, self.zone)}{said}", 8.5, SOFT)
            yield source

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _text(self, text: str, size: float, colour: tuple[int, int, int] = INK, bold: bool = False) -> None:
        pdf: FPDF = self.pdf
        drawable = "".join(c if ord(c) in self._drawable or c == "\n" else MISSING for c in text.replace("\r", ""))
        pdf.set_font("Noto", size=size)
        pdf.set_text_color(*colour)
        pdf.set_draw_color(*colour)
        mode = "FILL_STROKE" if bold else "FILL"  # the font has one weight: a thin stroke makes a heading
        with pdf.local_context(text_mode=mode, line_width=0.12):
            pdf.multi_cell(0, size * 0.5, drawable, align="L", new_x="LMARGIN", new_y="NEXT")

    def _plot(self, lines: Sequence[Line]) -> None:
        """Values from 0 to 10 in the order in which they were said; a letter marks whose line it is."""
        pdf = self.pdf
        if pdf.will_page_break(PLOT_HEIGHT + 6):
            pdf.add_page()
        top, left = pdf.get_y() + 3, pdf.l_margin + PLOT_MARGIN
        width = PLOT_WIDTH
        turns = sorted({(line.source.at, line.source.turn) for line in lines if line.source})
        across = {
            turn: left + 4 + ((width - 8) * n / (len(turns) - 1) if len(turns) > 1 else width / 2)
            for n, turn in enumerate(turns)
        }
        pdf.set_font("Noto", size=7)
        for value in (0, 5, 10):
            y = top + PLOT_HEIGHT * (10 - value) / 10
            pdf.set_draw_color(*RULE)
            pdf.line(left, y, left + width, y)
            pdf.set_text_color(*SOFT)
            pdf.text(pdf.l_margin, y + 1, str(value))
        for name, colour in SHADES.items():
            points = [
                (across[line.source.at, line.source.turn], top + PLOT_HEIGHT * (10 - line.value) / 10)
                for line in lines
                if line.label == name and line.source and line.value is not None
            ]
            pdf.set_draw_color(*colour)
            pdf.set_text_color(*colour)
            pdf.set_fill_color(*colour)
            if len(points) > 1:
                pdf.polyline(points)
            for x, y in points:
                pdf.text(x + 1.2, y - 1, self.words["rulers"][name][0])
                pdf.circle(x, y, 0.8, style="F")
        pdf.set_y(top + PLOT_HEIGHT + 3)


def score_text(result: Result) -> str:
    """The total with its published band, or why there is none."""
    if result.total is None:
        return str(words()["no_total"]).format(missing=", ".join(result.missing))
    return f"{result.total} of {result.screener.highest}: {result.band}"


def risk_text(risk: Risk) -> str:
    """What a case is about."""
    labels = words()
    kinds = ", ".join(labels["kinds"].get(kind, kind) for kind in risk.case.kinds)
    what = labels["reasons"][risk.case.reason]
    return f"{what}: {labels['tiers'][risk.case.tier]}" + (f" ({kinds})" if kinds else "")


def _where(source: Source | None) -> str:
    if source is None:
        return "no single message"
    channel = "" if source.channel == "web" else f" on {source.channel.capitalize()}"
    return f"turn {source.turn}{channel}"


def _at(source: Source | None, zone: ZoneInfo) -> str:
    return f", {_when(source.at, zone)}" if source else ""


def _when(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"
