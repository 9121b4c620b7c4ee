"""How a conversation keeps to motivational interviewing: codes, counts and ratios after the MITI 4.2.1 manual.

Theory of operation. A conversation is a row of volleys: all that the counsellor says between two messages of the
client. The bot's volleys carry their moves, which give the codes; the words are read all the same, so that a move
cannot hide advice or a question. Free text is coded sentence by sentence (`bot.mi.fidelity_text`).

Rule 1 (MITI 4.2.1, parsing): within a volley each code counts once; a complex reflection stands above a simple one,
an open question above a closed one. Rule 2: crisis talk follows its own protocol and is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.mi.fidelity_tables import CODES, FidelityTables
from bot.mi.fidelity_text import Code, SentenceCoder, sentences

ADHERENT = ("affirm", "seek", "emphasise_autonomy")
NON_ADHERENT = ("persuade", "confront")
"""MITI 4.2.1: MI-adherent is seeking collaboration, affirming, emphasising autonomy; persuading with permission is
neither."""
REFLECTIONS = ("simple_reflection", "complex_reflection")
QUESTIONS = ("open_question", "closed_question")
OUTRANKS = {"complex_reflection": "simple_reflection", "open_question": "closed_question"}

Reflect = Callable[[str, tuple[str, ...]], str | None]
"""Gives a reflection of a client's words, of one of the kinds (simple, complex, double_sided), or None."""


@dataclass(frozen=True)
class Volley:
    """What the counsellor said after one message of the client.

    `moves` ("act:move") are the bot's own and empty for a human; `process` is the MI process, "" where unknown.
    """

    turn: int
    client: str
    said: tuple[str, ...]
    moves: tuple[str, ...] = ()
    process: str = ""


@dataclass(frozen=True)
class Coded:
    volley: Volley
    codes: tuple[Code, ...]
    stronger: str | None = None

    @property
    def counted(self) -> frozenset[str]:
        """The codes that count, each once."""
        codes = {code.code for code in self.codes} & set(CODES)
        return frozenset(codes - {low for high, low in OUTRANKS.items() if high in codes})


class FidelityCoder:
    """Codes conversations by the tables in data/mi/fidelity.yml."""

    def __init__(self, tables: FidelityTables) -> None:
        self.tables = tables
        self._sentences = SentenceCoder(tables)

    def code(self, volleys: Sequence[Volley], reflect: Reflect | None = None) -> tuple[Coded, ...]:
        """Every volley of one conversation, in order.

        Args:
            reflect: words the example in `stronger`; without it there is only the advice.
        """
        coded: list[Coded] = []
        for volley in volleys:
            asked_leave = bool(coded) and self._asked_leave(coded[-1])
            permitted = self._permits(volley.client, asked_leave)
            codes = self._by_moves(volley, permitted) if volley.moves else self._by_words(volley, permitted)
            done = Coded(volley, codes)
            coded.append(Coded(volley, codes, self._stronger(done, reflect)))
        return tuple(coded)

    # -- permission ------------------------------------------------------------------------------------------------

    def _asked_leave(self, coded: Coded) -> bool:
        found = (code for code in coded.codes if code.code == "seek")
        return any(
            self._sentences.has("permission", self._even(code.text)) or code.reason.startswith("said as")
            for code in found
        )

    def _permits(self, client: str, asked_leave: bool) -> bool:
        words = self._even(client)
        if self._sentences.has("asks_for_advice", words):
            return True
        return asked_leave and bool(words) and not self._sentences.has("refusal", words)

    def _even(self, text: str) -> str:
        return self._sentences.read(text, "").even

    # -- coding ----------------------------------------------------------------------------------------------------

    def _by_words(self, volley: Volley, permitted: bool) -> tuple[Code, ...]:
        codes = []
        for text in (sentence for said in volley.said for sentence in sentences(said)):
            code = self._sentences.code(self._sentences.read(text, volley.client, permitted))
            permitted = permitted and code.code not in QUESTIONS  # a new question ends what was allowed
            codes.append(code)
        return tuple(codes)

    def _by_moves(self, volley: Volley, permitted: bool) -> tuple[Code, ...]:
        codes: list[Code] = []
        for move, belonging in zip(volley.moves, self._aligned(volley), strict=True):
            act, _, name = move.partition(":")
            text = " ".join(belonging)
            if name in self.tables.safety_moves:
                codes.append(Code(text, "safety", self.tables.reasons["none"]))
                continue
            code = self.tables.acts.get(act, "none")
            codes.append(Code(text, code, self.tables.reasons["move"].format(found=move)))
            codes.extend(self._hidden(belonging, code, volley.client, permitted))
        return tuple(codes)

    def _hidden(self, texts: Iterable[str], code: str, client: str, permitted: bool) -> Iterable[Code]:
        """What the words do besides their move: a question in a statement, advice in anything."""
        for text in texts:
            sentence = self._sentences.read(text, client, permitted)
            if sentence.asks and code not in (*QUESTIONS, "seek"):
                asked = self._sentences.code(sentence)
                kind = asked.code if asked.code in (*QUESTIONS, "seek") else "closed_question"
                yield Code(text, kind, self.tables.reasons["asked_in_move"])
            elif not sentence.asks and code != "seek" and (harm := self._sentences.harm(sentence)):
                yield harm

    def _aligned(self, volley: Volley) -> list[list[str]]:
        """Which sentences belong to which move.

        A message with one move is that move's. Else both run in the same order, so the best cut is a short table.
        """
        count, moves = len(volley.moves), volley.moves
        if len(volley.said) == count:
            return [sentences(said) for said in volley.said]
        texts = [sentence for said in volley.said for sentence in sentences(said)]
        if len(texts) < count:
            return [[text] for text in texts] + [[] for _ in range(count - len(texts))]
        impossible = (float("-inf"), ())
        # best[m]: score and path (the move of every sentence so far) with the latest sentence at move m
        best: list[tuple[float, tuple[int, ...]]] = [(0.0, ()), *[impossible] * (count - 1)]
        for number, text in enumerate(texts):
            code = self._sentences.code(self._sentences.read(text, volley.client)).code
            before = best
            best = []
            for m, move in enumerate(moves):
                stay_or_step = [before[m], before[m - 1]] if m and number else [before[m]]
                score, path = max(stay_or_step, key=lambda pair: pair[0])
                best.append((score + _fits(text, code, self.tables.acts.get(move.split(":")[0], "none")), (*path, m)))
        return [[text for text, m in zip(texts, best[-1][1], strict=True) if m == number] for number in range(count)]

    # -- what would have been stronger -----------------------------------------------------------------------------

    def _stronger(self, coded: Coded, reflect: Reflect | None) -> str | None:
        problem = self._problem(coded)
        if problem is None:
            return None
        advice = self.tables.stronger[problem]
        kinds = ("complex", "double_sided") if problem == "simple_only" else ("complex", "double_sided", "simple")
        reflection = reflect(coded.volley.client, kinds) if reflect and coded.volley.client else None
        if not reflection or reflection in " ".join(coded.volley.said):
            return advice
        return self.tables.stronger_example.format(advice=advice, reflection=reflection)

    def _problem(self, coded: Coded) -> str | None:
        """The first thing that a supervisor would point at; the order is the table's in fidelity.yml."""
        found = {code.code for code in coded.codes}
        for harm in ("confront", "persuade"):
            if harm in found:
                return harm
        only_small = found <= {"filler", "structure", "none"}
        practical = any(move.partition(":")[2].split(".")[0] in self.tables.practical for move in coded.volley.moves)
        said_little = len(coded.volley.client.split()) < self.tables.thresholds["client_words"]
        if "safety" in found or practical or said_little:
            return None
        questions = sum(code.code in QUESTIONS for code in coded.codes)
        if questions > 1:
            return "questions_in_a_row"
        if not found & set(REFLECTIONS):
            if questions:
                return "question_alone"
            return "nothing" if only_small and not coded.volley.moves else None
        if "closed_question" in found:
            return "closed_question"
        return "simple_only" if "complex_reflection" not in found and not found & set(ADHERENT) else None


def _fits(text: str, code: str, wanted: str) -> float:
    """How well a sentence with this code by its words fits a move that is counted as `wanted`."""
    asks, should_ask = text.endswith("?"), wanted in (*QUESTIONS, "seek")
    return (2.0 if asks else 0.0) * (1 if should_ask else -1) + (1.0 if code == wanted else 0.0)


def figures(coded: Iterable[Coded], process: str | None = None) -> dict[str, Any]:
    """Counts and ratios.

    Args:
        process: only the volleys in this process; None for all.

    Returns:
        `counts`; `reflections_to_questions` (None without a question); `percent_complex` of reflections and
        `percent_open` of questions (0 to 100, None without any); `mi_adherent` and `mi_non_adherent` (counts).
    """
    chosen = [c for c in coded if process is None or c.volley.process == process]
    counts = Counter(code for c in chosen for code in c.counted)
    return ratios({code: counts[code] for code in CODES}, sum(bool(c.volley.client.strip()) for c in chosen))


def ratios(counts: Mapping[str, int], client_turns: int) -> dict[str, Any]:
    """What follows from the counts (MITI 4.2.1, summary scores)."""
    reflections = sum(counts[code] for code in REFLECTIONS)
    questions = sum(counts[code] for code in QUESTIONS)
    return {
        "counts": {**counts, "client_turns": client_turns},
        "reflections_to_questions": round(reflections / questions, 2) if questions else None,
        "percent_complex": _percent(counts["complex_reflection"], reflections),
        "percent_open": _percent(counts["open_question"], questions),
        "mi_adherent": sum(counts[code] for code in ADHERENT),
        "mi_non_adherent": sum(counts[code] for code in NON_ADHERENT),
    }


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
