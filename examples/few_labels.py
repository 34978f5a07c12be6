"""
Few labels, many unlabelled digits
==================================

A classifier that sees one to ten labels per class does much better on what SimCLR learned from
the 1297 unlabelled training images than on their pixels. Every other row is what one would try
first instead, and the encoder with random weights shows how much is due to the network's form.

The labels that a row gets to see are drawn ten times; the table shows the mean accuracy on 500
test images. Nothing is learned from the test images, with labels or without.
"""

# %%
# The data: 8x8 images of handwritten digits.
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skssl import SimCLR
from skssl.inspection import FewLabelDisplay, paired_difference

LABELS_PER_CLASS = (1, 2, 5, 10)
DRAWS = 10

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, test_size=500, stratify=digits.target, random_state=0
)
pixels_train, pixels_test = X_train.reshape(-1, 64) / 16, X_test.reshape(-1, 64) / 16

# %%
# Learn from the unlabelled training images, and leave a second encoder as it was initialised. What
# is not learned has one strong direction; standardised, it is the harder one to beat.
start = time.perf_counter()
simclr = SimCLR(random_state=0, verbose=1).fit(X_train)
seconds = time.perf_counter() - start
untrained = make_pipeline(SimCLR(max_epochs=0, random_state=0), StandardScaler()).fit(X_train)
pca = PCA(n_components=20, random_state=0).fit(pixels_train)

features = {
    "raw pixels + LR": (pixels_train, pixels_test),
    "PCA + LR": (pca.transform(pixels_train), pca.transform(pixels_test)),
    "random weights + LR": (untrained.transform(X_train), untrained.transform(X_test)),
    "SimCLR + LR": (simclr.transform(X_train), simclr.transform(X_test)),
}

# %%
# Draw the labelled rows and score every way to use them. LabelSpreading sees the pixels of all
# training images, and the labels of the drawn ones.
spreaders = {
    "LabelSpreading, 7-NN": LabelSpreading(kernel="knn", n_neighbors=7),
    "LabelSpreading, RBF": LabelSpreading(kernel="rbf", gamma=5),
}
scores: dict[str, np.ndarray] = {
    name: np.zeros((len(LABELS_PER_CLASS), DRAWS)) for name in [*features, *spreaders]
}
for column, draw in np.ndindex(len(LABELS_PER_CLASS), DRAWS):
    rng = np.random.default_rng(draw)
    labelled = np.concatenate(
        [
            rng.choice(np.flatnonzero(y_train == digit), LABELS_PER_CLASS[column], replace=False)
            for digit in range(10)
        ]
    )
    for name, (Z_train, Z_test) in features.items():
        probe = LogisticRegression(max_iter=1000)
        probe.fit(Z_train[labelled], y_train[labelled])
        scores[name][column, draw] = probe.score(Z_test, y_test)
    partly_labelled = np.full(len(y_train), -1)
    partly_labelled[labelled] = y_train[labelled]
    for name, spreader in spreaders.items():
        with np.errstate(invalid="ignore"):  # rows without a labelled neighbour
            spreader.fit(pixels_train, partly_labelled)
            scores[name][column, draw] = spreader.score(pixels_test, y_test)

# %%
# Accuracy on the test images, mean and standard deviation over the draws.
print(f"SimCLR: {simclr.n_iter_} epochs in {seconds:.0f} s")
print(f"{'labels per class':<22}" + "".join(f"{n:>14}" for n in LABELS_PER_CLASS))
for name, row in sorted(scores.items(), key=lambda item: item[1].mean()):
    cells = [f"{cell.mean():.3f} ± {cell.std():.3f}" for cell in row]
    print(f"{name:<22}" + "".join(f"{cell:>14}" for cell in cells))

# %%
# Whether that is more than the luck of the draws, which are the same for all rows.
for column, n_labels in enumerate(LABELS_PER_CLASS):
    others = [name for name in scores if name != "SimCLR + LR"]
    best = max(others, key=lambda name: scores[name][column].mean())
    difference = paired_difference(scores["SimCLR + LR"][column], scores[best][column])
    print(f"labels per class: {n_labels}; SimCLR + LR is {difference.against(best)}.")

# %%
# The same as a figure.
kinds = dict.fromkeys(scores, "classical") | {
    "random weights + LR": "random weights",
    "SimCLR + LR": "model",
}
display = FewLabelDisplay(
    n_labels=LABELS_PER_CLASS, scores=scores, kinds=kinds, score_name="accuracy on 500 test images"
).plot()
display.ax_.set_title("Digits, few labels")
display.figure_.savefig("few_labels.png", dpi=120)

# sphinx_gallery_thumbnail_path = "_outputs/few_labels/6a.png"
