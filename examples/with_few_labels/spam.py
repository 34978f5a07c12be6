"""
Spam: twenty labels, five thousand messages
===========================================

Text messages, one in eight of them spam. All are there, but someone has looked at twenty only. One
Pipeline takes them as they are, with -1 where there is no label.

Run it with ``SKSSL_DATA`` naming a folder that has ``text/sms_spam.csv.gz``: the SMS Spam
Collection of the UCI repository.
"""

# %%
# Copies of a message would be on both sides of the split, so each text is taken once.
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skssl import SimCLR
from skssl.inspection import draw_labelled, paired_difference
from skssl.semi_supervised import LabeledOnly

sms = pd.read_csv(Path(os.environ["SKSSL_DATA"]) / "text" / "sms_spam.csv.gz")
sms = sms.drop_duplicates("text")
is_spam = (sms["label"] == "spam").to_numpy().astype(int)
X, X_test, y, y_test = train_test_split(
    sms["text"].tolist(), is_spam, stratify=is_spam, random_state=0
)

# %%
# What stands before the classifier is fitted once, to all messages. ``LabeledOnly`` shows the
# labelled ones to the classifier, and skips the others.
before = {
    "TF-IDF": TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
    "random weights": SimCLR(max_epochs=0, random_state=0),
    "SimCLR": SimCLR(random_state=0),
}
models = {
    name: make_pipeline(
        FrozenEstimator(features.fit(X)),
        LabeledOnly(LogisticRegression(C=10 if name == "TF-IDF" else 1, max_iter=1000)),
    )
    for name, features in before.items()
}

# %%
# The average precision says how much spam is at the top of a list that is sorted by suspicion.
# Ten times, other messages have a label: ten of each kind.
precision = {name: [] for name in models}
for draw in range(10):
    some = np.full(len(y), -1)
    shown = draw_labelled(y, 10, draw)
    some[shown] = y[shown]
    for name, model in models.items():
        suspicion = model.fit(X, some).predict_proba(X_test)[:, 1]
        precision[name].append(average_precision_score(y_test, suspicion))
for name, values in precision.items():
    print(f"{name:15} {np.mean(values):.3f} ± {np.std(values):.3f}")
for other in ("TF-IDF", "random weights"):
    print(f"SimCLR is {paired_difference(precision['SimCLR'], precision[other]).against(other)}.")

# %%
# The last of the ten, in a figure and in words: the ham that looks most like spam, and the spam
# that looks least like it.
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for label, name in enumerate(["ham", "spam"]):
    ax.hist(suspicion[y_test == label], np.linspace(0, 1, 41), alpha=0.7, label=name)
ax.set(yscale="log", xlabel="probability of spam, from 20 labels", ylabel="test messages")
ax.legend()
texts = np.array(X_test)
print("ham:  ", texts[y_test == 0][suspicion[y_test == 0].argmax()][:90])
print("spam: ", texts[y_test == 1][suspicion[y_test == 1].argmin()][:90])
plt.show()

# sphinx_gallery_thumbnail_path = "_outputs/spam/4a.png"
