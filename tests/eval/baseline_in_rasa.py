"""Runs under Rasa's Python, which has scikit-learn: baselines for client language. JSON in, JSON out.

In: {"train": [[text, class]], "test": [text], "shape": [[words, position]], "gold": [class], "groups": [name]}.
Out: {"tfidf": [class], "shape": [class]}: word and letter counts learned from `train`; and length and place in the
conversation alone, five-fold by conversation on the test set itself (a floor that any reader has to beat).
"""

from __future__ import annotations

import json
import sys

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union


def main() -> None:
    given = json.load(sys.stdin)
    texts, classes = zip(*given["train"], strict=True)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    model = make_pipeline(
        make_union(words, letters), LogisticRegression(C=4.0, max_iter=2000, class_weight="balanced", random_state=0)
    )
    model.fit(texts, classes)
    shape = LogisticRegression(max_iter=2000, class_weight="balanced", random_state=0)
    by_shape = cross_val_predict(shape, given["shape"], given["gold"], groups=given["groups"], cv=GroupKFold(5))
    json.dump({"tfidf": model.predict(given["test"]).tolist(), "shape": by_shape.tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
