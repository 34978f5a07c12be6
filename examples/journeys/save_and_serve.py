"""
Save it, load it, serve it without torch
========================================

A filter for spam is trained, written to three kinds of files, read again, and asked over and over
by a program that knows neither torch nor skssl.

Run it with ``SKSSL_DATA`` naming a folder that has ``text/sms_spam.csv.gz``, and after
``pip install "skssl[onnx,skops]"``.
"""

# %%
# 2,000 messages, 200 of them with a label. The training is a short one, as this is about files. Is
# it worth it? Beside it are the same network with random weights, and no network.
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import skops.io
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline

from skssl import SimCLR
from skssl.semi_supervised import LabeledOnly
from skssl.utils import to_onnx, trusted_types

sms = pd.read_csv(Path(os.environ["SKSSL_DATA"]) / "text" / "sms_spam.csv.gz")
sms = sms.drop_duplicates("text").sample(2500, random_state=0)
texts = [" ".join(text.split()) for text in sms["text"]]
X, X_new, y_new = texts[:2000], texts[2000:], sms["label"].to_numpy()[2000:]
y = [label if row < 200 else None for row, label in enumerate(sms["label"][:2000])]
head = LabeledOnly(LogisticRegression(class_weight="balanced", max_iter=1000))
model = make_pipeline(SimCLR(max_epochs=10, random_state=0), head)
rivals = {
    "SimCLR": model,
    "random weights": clone(model).set_params(simclr__max_epochs=0),
    "TF-IDF": make_pipeline(TfidfVectorizer(), clone(head)),
}
for name, rival in rivals.items():
    accuracy = balanced_accuracy_score(y_new, rival.fit(X, y).predict(X_new))
    print(f"{name:14} balanced accuracy on new messages {accuracy:.3f}")
expected = model.predict_proba(X_new)

# %%
# Save and load
# -------------
# A pickle is for your own files, since reading one runs what is in it. skops reads the same
# without running code. ONNX has the network and the linear head alone, for programs that have no
# Python package of ours.
temporary = TemporaryDirectory()
folder = Path(temporary.name)
files = {kind: folder / f"spam.{kind}" for kind in ("joblib", "skops", "onnx")}
joblib.dump(model, files["joblib"])
skops.io.dump(model, files["skops"])
to_onnx(make_pipeline(model[0], model[1].estimator_), files["onnx"])
same = {
    "joblib": joblib.load(files["joblib"]).predict_proba(X_new),
    "skops": skops.io.load(files["skops"], trusted=trusted_types()).predict_proba(X_new),
}
for kind, chance in same.items():
    size = files[kind].stat().st_size / 1e6
    print(f"{kind:7} {size:5.1f} MB, largest difference {np.abs(chance - expected).max():.1e}")

# %%
# Serve
# -----
# ``serve_texts.py``, which stands below, needs onnxruntime and NumPy. It reads messages line by
# line.
script = Path(sys.modules["__main__"].__file__).parents[1] / "serving" / "serve_texts.py"
answer = subprocess.run(
    [sys.executable, script, files["onnx"]],
    input="\n".join(X_new),
    capture_output=True,
    text=True,
    check=True,
    encoding="utf-8",
).stdout
print(f"onnx    {files['onnx'].stat().st_size / 1e6:5.1f} MB")
rows = [line.split("\t") for line in answer.splitlines()]
served = np.array([[float(row[1]), row[0] == model.classes_[1]] for row in rows])
likely = np.where(served[:, 1] == 1, served[:, 0], 1 - served[:, 0])
print(f"largest difference to predict_proba: {np.abs(likely - expected[:, 1]).max():.1e}")
for label, chance, text in rows[:4]:
    print(f"{label:5} {chance} {text[:60]}")

# %%
# Both programs agree on all messages.
fig, ax = plt.subplots(figsize=(4.6, 3.6), layout="constrained")
for label in model.classes_:
    ax.scatter(expected[y_new == label, 1], likely[y_new == label], s=10, label=label)
ax.set(xlabel="predict_proba, with torch", ylabel="serve_texts.py, without torch")
ax.set_title("probability of spam")
ax.legend()
plt.show()
temporary.cleanup()

# %%
# The program that serves texts:
#
# .. literalinclude:: ../../../examples/serving/serve_texts.py
#    :language: python
#
# Tables have another one, which is not run here: it reads rows as CSV or JSON, with numbers,
# strings, bools and gaps.
#
# .. literalinclude:: ../../../examples/serving/serve_tables.py
#    :language: python

# sphinx_gallery_thumbnail_path = "_outputs/save_and_serve/4a.png"
