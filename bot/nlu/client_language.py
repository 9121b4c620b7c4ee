"""Rasa component: what a message says for or against a change, given the question before it.

It reads the question from `message.get("metadata")["previous"]` and leaves the result under `client_language`:
`{"talk", "ambivalent", "codes": [{"code", "sign", "text", "start", "end"}], "confidence", "evidence"}`.
Where the intent is talk about the change (`share`, as `IntentClassifier` learns them together), it also says which.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.embedding import Embedder
from bot.mi.client_language import ClientLanguage, decide
from bot.mi.cues import Cues
from bot.mi.language_signals import read
from bot.nlu.client_language_head import TalkHead
from bot.nlu.conversations import Coded
from bot.nlu.conversations import read as read_conversations
from bot.nlu.intents import embedding_of

CLIENT_LANGUAGE = "client_language"
_ROOT = Path(__file__).resolve().parents[2]
# Text, the question before it (or None), its class, how much it counts.
Example = tuple[str, Any, str, float]
_FILE = "talk_head.json"
_CODES_FILE = "codes_head.json"
# Longer than this a statement means the same after any question, so it is also learned beside one.
_STANDS_ALONE = 4  # words


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ClientLanguageClassifier(GraphComponent):
    """Cues (`bot.mi`) pooled with a head learned from the NLU examples."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`cues` is a path from the project's root; `classes` maps intents, every other one is neutral.

        The intents of `no_answers` are not believed of a statement about oneself that answers a question: it is talk.
        The `neutral` intents count in full, the rest (booking, privacy, ...) by `others_weight`: their words are far
        from client talk and would otherwise make everything unusual look neutral. The messages of `conversations` (a
        folder from the root, or "") count by `conversation_weight`: they are what the bot will meet, each with what
        was said before it.
        """
        return {
            "cues": "data/mi/cues.yml",
            "conversations": "data/nlu/conversations",
            "classes": {"change_talk": "change", "sustain_talk": "sustain", "ambivalence": "ambivalent"},
            "neutral": ["share"],
            "no_answers": ["out_of_scope", "smalltalk"],
            "others_weight": 0.35,
            "conversation_weight": 2.0,
            "ignore": ["not_english", "gibberish"],
            "strength": 4.0,
            "seed": 0,
        }

    @staticmethod
    def required_packages() -> list[str]:
        """Python packages beyond the standard library."""
        return ["sklearn", "scipy"]

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """A change in the cue tables or in the pure code trains the component again."""
        settings = {**cls.get_default_config(), **config}
        code = sorted((_ROOT / "bot" / "mi").glob("language_*.py"))
        talks = sorted((_ROOT / settings["conversations"]).glob("*.txt")) if settings["conversations"] else []
        files = [
            *talks,
            _ROOT / "bot/nlu/conversations.py",
            _ROOT / settings["cues"],
            _ROOT / "bot/mi/cues.py",
            _ROOT / "bot/nlu/client_language_head.py",
            *code,
        ]
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ClientLanguageClassifier:
        """A component that has learned nothing yet."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ClientLanguageClassifier:
        """The component as trained. Without a stored head (no examples) it works by cues alone."""
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            path = directory / _FILE
            if path.exists():
                component._head = TalkHead.load(path, component._cues)
            if (directory / _CODES_FILE).exists():
                component._codes_head = TalkHead.load(directory / _CODES_FILE, component._cues)
        return component

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = {**self.get_default_config(), **config}
        self._cues = Cues.load(_ROOT / self._config["cues"])
        self._storage = model_storage
        self._resource = resource
        self._head: TalkHead | None = None
        self._codes_head: TalkHead | None = None

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the head from the intent examples and keep it."""
        examples = list(training_data.intent_examples)
        conversations = self._conversations()
        weight_there = float(self._config["conversation_weight"])
        labelled = [
            *augmented(self._labelled(examples)),
            *((coded.text, coded.previous or None, coded.kind, weight_there) for coded in conversations),
        ]
        rows, classes, weights = [], [], []
        for text, previous, name, weight in labelled:
            rows.append((text, read(text, previous, self._cues)))
            classes.append(name)
            weights.append(weight)
        with self._storage.write_to(self._resource) as directory:
            if len(set(classes)) > 1:
                head = TalkHead(self._cues, strength=self._config["strength"], seed=self._config["seed"])
                self._head = head.fit(rows, classes, weights, vectors_of(examples, [text for text, _ in rows]))
                self._head.save(directory / _FILE)
            stretches = [(words, c.previous or None, code) for c in conversations for code, words in c.codes]
            if len({code for _, _, code in stretches}) > 1:
                coded = [(words, read(words, previous, self._cues)) for words, previous, _ in stretches]
                codes = TalkHead(self._cues, strength=self._config["strength"], seed=self._config["seed"])
                self._codes_head = codes.fit(coded, [code for _, _, code in stretches])
                self._codes_head.save(directory / _CODES_FILE)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Add `client_language` to each message."""
        for message in messages:
            text = message.get(TEXT) or ""
            result = self._annotate(text, previous_of(message), embedding_of(message))
            message.set(CLIENT_LANGUAGE, as_dict(result), add_to_output=True)
            self._hear_answer(message, text)
            self._name_talk(message, result)
        return messages

    def _hear_answer(self, message: Message, text: str) -> None:
        """What tells of oneself after a question is talk, however far off it seems ("my plants have all died")."""
        intent = message.get(INTENT) or {}
        name = intent.get(INTENT_NAME_KEY)
        asked = (previous_of(message) or "").rstrip().endswith("?")
        if name not in self._config["no_answers"] or not (asked and tells_of_oneself(text)):
            return
        talk = self._config["neutral"][0]
        message.set(INTENT, {**intent, INTENT_NAME_KEY: talk}, add_to_output=True)
        ranking = [
            {**place, INTENT_NAME_KEY: talk} if place[INTENT_NAME_KEY] == name else place
            for place in message.get(INTENT_RANKING_KEY) or []
            if place[INTENT_NAME_KEY] != talk
        ]
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)

    def _name_talk(self, message: Message, result: ClientLanguage) -> None:
        """Turns the intent `share` into change_talk, sustain_talk or ambivalence, in the ranking too."""
        kind = "ambivalent" if result.ambivalent else result.talk
        names = {cls: intent for intent, cls in self._config["classes"].items()}
        name = names.get(kind)
        intent = message.get(INTENT) or {}
        if name is None or intent.get(INTENT_NAME_KEY) not in self._config["neutral"]:
            return
        message.set(INTENT, {**intent, INTENT_NAME_KEY: name}, add_to_output=True)
        ranking = [
            {**place, INTENT_NAME_KEY: name} if place[INTENT_NAME_KEY] in self._config["neutral"] else place
            for place in message.get(INTENT_RANKING_KEY) or []
        ]
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Nothing after this component learns from its result."""
        return training_data

    def _annotate(self, text: str, previous: str | None, embedding: Any) -> ClientLanguage:
        signals = read(text, previous, self._cues)
        vector = None if embedding is None else embedding[0]
        scores = self._head.probabilities(text, signals, vector) if self._head is not None and text.strip() else None
        codes = self._codes_head.probabilities(text, signals) if self._codes_head is not None else None
        return decide(text, signals, scores, codes)

    def _conversations(self) -> list[Coded]:
        folder = self._config["conversations"]
        return read_conversations(_ROOT / folder) if folder else []

    def _labelled(self, examples: list[Message]) -> list[Example]:
        classes, ignored = self._config["classes"], set(self._config["ignore"])
        talk = {*classes, *self._config["neutral"]}
        return [
            (
                example.get(TEXT),
                previous_of(example),
                classes.get(example.get(INTENT), "neutral"),
                1.0 if example.get(INTENT) in talk else self._config["others_weight"],
            )
            for example in examples
            if example.get(TEXT) and example.get(INTENT) not in ignored
        ]


def tells_of_oneself(text: str) -> bool:
    """Whether a message of four words or more is a statement with the client in it, and asks nothing of the bot."""
    own = _OWN.search(text) is not None
    return own and len(text.split()) >= _STANDS_ALONE and "?" not in text and not _TO_BOT.search(text)


_OWN = re.compile(r"\b(?:i|i'?m|i'?ve|i'?d|i'?ll|my|me|mine|we|our|us)\b", re.I)
_TO_BOT = re.compile(
    r"\b(?:you|your|u|ur)\b|^\W*(?:please |just |can |could )?(?:write|tell|give|play|sing|translate|calculate|show"
    r"|recommend|explain|help|find|order|book|what|who|how|when|where|which)\b",
    re.I,
)


def previous_of(message: Message) -> str | None:
    """The question before a message: at run time in its metadata, in training in the example's metadata."""
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    example = metadata.get("example")
    found = (example if isinstance(example, Mapping) else metadata).get("previous")
    return str(found) if found else None


def augmented(labelled: list[Example]) -> list[Example]:
    """The examples, and again beside a question those that would mean the same after any.

    Without this the head would learn that a question being there at all speaks for one class. The questions are
    dealt out in turn, so nothing is random.
    """
    questions = sorted({previous for _, previous, _, _ in labelled if previous})
    if not questions:
        return labelled
    alone = [
        (text, name, weight)
        for text, previous, name, weight in labelled
        if not previous and len(text.split()) >= _STANDS_ALONE
    ]
    beside = [(text, questions[n % len(questions)], name, weight) for n, (text, name, weight) in enumerate(alone)]
    return [*labelled, *beside]


def as_dict(result: ClientLanguage) -> dict[str, Any]:
    """The result as plain values, ready for JSON."""
    return {
        "talk": result.talk,
        "ambivalent": result.ambivalent,
        "codes": [
            {"code": s.code, "sign": s.sign, "text": s.text, "start": s.start, "end": s.end} for s in result.codes
        ],
        "confidence": result.confidence,
        "evidence": list(result.evidence),
    }


def vectors_of(examples: list[Message], texts: list[str]) -> list[Any] | None:
    """The embeddings of `texts`, or None when the pipeline makes none. What is no example's text is embedded here."""
    known = {message.get(TEXT): embedding_of(message) for message in examples}
    if any(vector is None for vector in known.values()):
        return None
    new = sorted(set(texts) - known.keys())
    known |= {t: v[None, :] for t, v in zip(new, Embedder(threads=os.cpu_count() or 1).embed(new), strict=True)}
    return [known[text][0] for text in texts]
