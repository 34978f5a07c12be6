"""
A folder of JPEGs, and five labels for each class
=================================================

The photos lie in a folder, and there are too many to look at. Five of each class have been looked
at. What are the others?

Run it with ``SKSSL_DATA`` naming a folder that has ``images/cifar10_jpeg_train_20k.npz``, of
which the first cell makes a folder of files. With photos of your own, begin at the second cell.
"""

# %%
# 2,500 photos of ten classes, as JPEG files.
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skssl import SimCLR
from skssl.inspection import NeighborsDisplay, few_label_report
from skssl.modality import Images
from skssl.semi_supervised import LabeledOnly

temporary = TemporaryDirectory()
folder = Path(temporary.name)
with np.load(Path(os.environ["SKSSL_DATA"]) / "images" / "cifar10_jpeg_train_20k.npz") as stored:
    data, offsets, number = stored["data"], stored["offsets"], stored["y"]
names = "plane car bird cat deer dog frog horse ship truck".split()
for row in range(2500):
    path = folder / names[number[row]] / f"{row:04}.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data[offsets[row] : offsets[row + 1]])

# %%
# Files in, names out
# -------------------
# A list of paths is all that ``fit`` wants; ``size`` is what photos of different sizes are
# brought to. Photos without a label have ``None``. Here the true name is that of the folder, of
# which the model gets five for each class.
paths = np.array(sorted(folder.glob("*/*.jpg"), key=lambda path: path.name))
truth = np.array([path.parent.name for path in paths])
train, test = paths[:2000], paths[2000:]
some = np.full(2000, None, dtype=object)
for name in names:
    five = np.flatnonzero(truth[:2000] == name)[:5]
    some[five] = name
simclr = SimCLR(modality=Images(size=32), max_epochs=8, random_state=0)
model = make_pipeline(simclr, LabeledOnly(LogisticRegression(max_iter=1000))).fit(train, some)
answer = model.predict(test)
right = np.mean(answer == truth[2000:])
print(f"{right:.1%} of {len(test)} new photos get the right name; one in ten would by chance")

# %%
# Was it worth it?
# ----------------
# Five other draws of the labels, beside what one would try first. A training of a minute on 2,000
# photos is a short one. A network that others have trained on a million photos is one parameter
# away, ``SimCLR(encoder="timm/efficientnet_lite0", weights="auto", max_epochs=0)``:
# :ref:`sphx_glr_auto_examples_with_few_labels_pretrained_faces.py` has one in its comparison.
report = few_label_report(
    {"SimCLR": model[0]},
    train,
    truth[:2000],
    X_test=test,
    y_test=truth[2000:],
    n_labels=(1, 5),
    n_repeats=5,
    random_state=0,
)
print(report)

# %%
# What is alike for the model: photos, with what it says they are, and their neighbours.
NeighborsDisplay.from_estimator(model[0], list(test), answer, rows=[0, 1, 2, 3], n_neighbors=6)
temporary.cleanup()

# sphinx_gallery_thumbnail_path = "_outputs/folder_of_photos/4a.png"
