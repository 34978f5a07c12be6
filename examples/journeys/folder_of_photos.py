"""
A folder of JPEGs, and five labels for each class
=================================================

The photos lie in a folder, of all sizes, and one of the files is broken. Fifty of 2,500 have been
looked at, five of each class. What are the others, and how far can the answers be trusted?

Run it with ``SKSSL_DATA`` naming a folder that has ``images/cifar10_jpeg_train_20k.npz``, of
which the first cell makes such a folder. With photos of your own, begin at the second cell.
"""

# %%
# The folder, with a table of the fifty labels in it. Other photos, which come later, lie in a
# second folder, and what nobody knows yet, the classes of all photos, is put aside.
import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from skssl import SimCLR
from skssl.inspection import few_label_report
from skssl.modality import Images, readable_images
from skssl.semi_supervised import LabeledOnly

temporary = TemporaryDirectory()
folder, later = Path(temporary.name) / "photos", Path(temporary.name) / "later"
with np.load(Path(os.environ["SKSSL_DATA"]) / "images" / "cifar10_jpeg_train_20k.npz") as stored:
    data, offsets, number = stored["data"], stored["offsets"], stored["y"]
names = np.array("plane car bird cat deer dog frog horse ship truck".split())
hidden = {}
rng = np.random.default_rng(0)
for row in range(3000):
    path = (folder if row < 2500 else later) / f"{row:04}.jpg"
    path.parent.mkdir(exist_ok=True)
    photo = Image.open(io.BytesIO(data[offsets[row] : offsets[row + 1]]))
    zoom, (narrower, lower) = rng.uniform(1, 3), rng.integers(0, 5, 2)
    photo = photo.crop((narrower, lower, 32, 32))
    photo.resize((int(zoom * photo.width), int(zoom * photo.height))).save(path, quality=90)
    hidden[path.name] = names[number[row]]
broken = folder / "0123.jpg"
broken.write_bytes(broken.read_bytes()[:400])
first = pd.Series(hidden).iloc[:100].groupby(lambda name: hidden[name]).head(5)
first.rename_axis("file").rename("label").to_csv(folder / "labels.csv")

# %%
# What is there
# -------------
# A Pipeline wants every photo to be there, so what cannot be read is left out first. The labels are
# put beside the paths by the names of the files; those that nobody has looked at have none.
paths = np.array(sorted(folder.glob("*.jpg")))
readable = readable_images(paths)
print(f"{len(paths)} files; not readable: {', '.join(path.name for path in paths[~readable])}")
paths = paths[readable]
sides = [min(Image.open(path).size) for path in paths]
print(f"shorter sides: {min(sides)} to {max(sides)} pixels, the median is {np.median(sides):.0f}")
labels = pd.read_csv(folder / "labels.csv", index_col="file")["label"]
y = labels.reindex([path.name for path in paths]).to_numpy(dtype=object)
known = pd.notna(y)
print(f"{known.sum()} photos have a label, of {len(set(y[known]))} classes")

# %%
# Files in, names out
# -------------------
# ``size`` is what the photos are brought to: 32 is enough to tell these classes apart, and about
# the shorter side of the smallest. The method learns from all photos, the classifier behind it from
# those with a label.
simclr = SimCLR(modality=Images(size=32), max_epochs=8, random_state=0)
model = make_pipeline(simclr, LabeledOnly(LogisticRegression(max_iter=1000))).fit(paths, y)
answer, chance = model.predict(paths), model.predict_proba(paths).max(axis=1)

# %%
# How good are the answers?
# -------------------------
# All that is known are the fifty labels. Cross-validation hides ten of them at a time from the
# classifier; the method has seen no label. Of so few photos, the share that is right is known
# only roughly: it would be another one with fifty other photos.
Z = model[:-1].transform(paths[known])
guess = cross_val_predict(LogisticRegression(max_iter=1000), Z, y[known], cv=5)
share = np.mean(guess == y[known])
error = np.sqrt(share * (1 - share) / known.sum())
print(f"right in cross-validation: {share:.0%} of {known.sum()} photos; standard error {error:.0%}")
print(f"so for all photos it may well be from {share - 2 * error:.0%} to {share + 2 * error:.0%}")

# %%
# What to label next
# ------------------
# Candidates are the photos about which the model is least sure, here as it sees them, with its
# answer and the probability that it gives.
least = np.flatnonzero(~known)[chance[~known].argsort()[:12]]
fig, axes = plt.subplots(2, 6, figsize=(9, 3.6), layout="constrained")
for ax, row in zip(axes.flat, least, strict=True):
    ax.imshow(ImageOps.fit(Image.open(paths[row]), (32, 32)))
    ax.set_title(f"{paths[row].name}\n{answer[row]}? {chance[row]:.0%}", fontsize=9)
    ax.set_axis_off()
plt.show()

# %%
# What only those can say who know the truth
# ------------------------------------------
# From here on, the classes that were put aside are used, for all photos. Nobody who has five labels
# of each class can do this. It shows what the numbers above are worth.
truth = np.array([hidden[path.name] for path in paths])
print(f"right of the photos without a label: {np.mean(answer[~known] == truth[~known]):.1%}")

# %%
# It also shows whether the training was worth it: beside the same method with random weights, and
# what one would try first, with other labels drawn five times, and the 500 photos that came later
# as the test. With five labels per class and no more, pass ``y`` in place of ``truth``, and
# ``n_labels=5, n_repeats=1``. A training of a minute on 2,500 photos is a short one. A network that
# others have trained on a million photos is one parameter away,
# ``SimCLR(encoder="timm/efficientnet_lite0", weights="auto", max_epochs=0)``:
# :ref:`sphx_glr_auto_examples_with_few_labels_pretrained_faces.py` has one in its comparison.
new = sorted(later.glob("*.jpg"))
report = few_label_report(
    {"SimCLR": model[0]},
    paths,
    truth,
    X_test=new,
    y_test=[hidden[path.name] for path in new],
    n_labels=(1, 5),
    n_repeats=5,
    random_state=0,
)
print(report)
temporary.cleanup()

# sphinx_gallery_thumbnail_path = "_outputs/folder_of_photos/5a.png"
