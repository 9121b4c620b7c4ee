"""The sentence embeddings of `bot.embedding` as a component of Rasa's pipeline."""

from __future__ import annotations

import os
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.embedding import SIZE, Embedder, versions

__all__ = ["SIZE", "Embedder", "SentenceEmbedding"]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEmbedding(DenseFeaturizer, GraphComponent):
    """Gives each message's text its embedding as a dense sentence feature, (1, 384); no sequence feature."""

    @classmethod
    def required_components(cls) -> list[type]:
        return []

    @staticmethod
    def required_packages() -> list[str]:
        return ["onnxruntime", "tokenizers"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`max_tokens`: longer texts are cut; `batch_size`: texts embedded together in training."""
        return {**DenseFeaturizer.get_default_config(), "max_tokens": 128, "batch_size": 16}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        for key, low, high in (("max_tokens", 8, 512), ("batch_size", 1, 512)):
            value = config[key]
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{cls.__name__}: {key} is a whole number from {low} to {high}, not {value!r}.")

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Another version of the weights is another feature, which Rasa's training cache cannot see by itself."""
        return versions()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEmbedding:
        return cls(execution_context.node_name, config)

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        super().__init__(name, config)
        self._embedder = Embedder(config["max_tokens"])

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        embedder = Embedder(self._config["max_tokens"], threads=os.cpu_count() or 1)
        self._add(training_data.training_examples, embedder)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        return self._add(messages, self._embedder)

    def _add(self, messages: list[Message], embedder: Embedder) -> list[Message]:
        spoken = [message for message in messages if message.get(TEXT) is not None]
        vectors = embedder.embed([message.get(TEXT) for message in spoken], self._config["batch_size"])
        for message, vector in zip(spoken, vectors, strict=True):
            message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
        return messages
