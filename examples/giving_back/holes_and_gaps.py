"""
Holes in images, gaps in tables and series
==========================================

What is missing is told from what is there. Three kinds of gaps, filled by what was learned from
samples of the same kind, and by what one would try first.

The table comes with scikit-learn. For the others, let ``SKSSL_DATA`` name a folder that has
``images/fashion_mnist.npz`` and ``ucr/ECG5000.npz``; ``fetch_openml("Fashion-MNIST")`` and
timeseriesclassification.com have the same.
"""

# %%
# Errors are relative to what the mean over all samples at that place would give: 1.0 is "knows
# nothing". The files are sorted by class, or in a cycle of classes, so samples are drawn at random.
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from skssl import ContextEncoder, MaskedAutoencoder, SelfSupervisedImputer
from skssl.inspection import ReconstructionDisplay, paired_difference
from skssl.modality import Series
from skssl.nn import SmallConvNet

folder = Path(os.environ["SKSSL_DATA"])
rng = np.random.default_rng(0)


def some(X, n):
    """Return so many samples, drawn at random."""
    return X[rng.permutation(len(X))[:n]]


def compare(truth, start, answers):
    """Print the errors of answers, row by row of truth, and how the last one is to the others."""
    reference = ((truth - start) ** 2).mean()
    errors = {
        name: ((a - truth) ** 2).reshape(len(truth), -1).mean(axis=1) / reference
        for name, a in answers.items()
    }
    *others, ours = errors
    for name, error in errors.items():
        print(f"{name:24} {error.mean():.3f}")
    for name in others:
        print(f"{ours} is {paired_difference(errors[name], errors[ours]).against(name)}.")


# %%
# Holes in images
# ---------------
# A square of 10x10 pixels is cut out of clothes. ``Ridge`` is told beforehand which square it
# will be, and learns to paint that one alone; the network learns to fill any hole.
with np.load(folder / "images" / "fashion_mnist.npz") as fashion:
    X, X_test = some(fashion["X_train"], 2000), some(fashion["X_test"], 300)
hole = np.zeros((28, 28), dtype=bool)
hole[8:18, 10:20] = True


def narrow(shape):
    """Return a small encoder of images of this shape."""
    return SmallConvNet(shape[0], shape[1:], widths=(16, 32, 64, 128))


painter = ContextEncoder(encoder=narrow, batch_size=64, max_epochs=10, random_state=0).fit(X)
filled = painter.inpaint(X_test, hole)
ridge = Ridge(1e5).fit(X[:, ~hole].astype(float), X[:, hole])
compare(
    X_test[:, hole].astype(float),
    X[:, hole].mean(axis=0),
    {
        "mean of the visible": np.repeat(X_test[:, ~hole].mean(axis=1)[:, None], 100, axis=1),
        "Ridge, for this hole": ridge.predict(X_test[:, ~hole]),
        "ContextEncoder": filled[:, hole].astype(float),
    },
)
ReconstructionDisplay.from_estimator(painter, X_test, mask=hole, rows=range(8))

# %%
# Gaps in a table
# ---------------
# Ten measurements of each of 569 cells; every fifth value is taken away.
table = StandardScaler().fit_transform(load_breast_cancer().data[:, :10])
gaps = rng.random(table.shape) < 0.2
with_gaps = np.where(gaps, np.nan, table)
method = MaskedAutoencoder(width=32, depth=2, batch_size=128, max_epochs=60, random_state=0)
imputers = {
    "KNNImputer": KNNImputer(),
    "IterativeImputer": IterativeImputer(max_iter=30, random_state=0),
    "SelfSupervisedImputer": SelfSupervisedImputer(method=method),
}
compare(
    table,
    np.where(gaps, 0, table),
    {name: imputer.fit_transform(with_gaps) for name, imputer in imputers.items()},
)

# %%
# Gaps in a series
# ----------------
# Heartbeats of which a seventh is lost, in each beat at a place of its own. All beats are of one
# scale and begin at the same point, so that a step is like a column of a table, and what fills
# tables fills them. ``Ridge`` is fitted anew for each gap. The network is told that the scale is
# the same, and learns from stretches that are hidden, as these are.
with np.load(folder / "ucr" / "ECG5000.npz") as ecg:
    beats, beats_test = ecg["X_train"][:, 0], some(ecg["X_test"][:, 0], 300)
steps, start = np.arange(140), rng.integers(121, size=(300, 1))
lost = (steps >= start) & (steps < start + 20)
with_gaps = np.where(lost, np.nan, beats_test)
line, by_ridge = with_gaps.copy(), with_gaps.copy()
for row, gap in enumerate(lost):
    line[row, gap] = np.interp(steps[gap], steps[~gap], beats_test[row, ~gap])
    ridge = Ridge(10).fit(beats[:, ~gap], beats[:, gap])
    by_ridge[row, gap] = ridge.predict(beats_test[[row]][:, ~gap])[0]
method = MaskedAutoencoder(
    modality=Series(normalize="dataset"),
    mask_shape="span",
    width=64,
    depth=2,
    batch_size=50,
    max_epochs=60,
    random_state=0,
).fit(beats)
answers = {
    "straight line": line,
    "KNNImputer": KNNImputer().fit(beats).transform(with_gaps),
    "Ridge, for each gap": by_ridge,
    "MaskedAutoencoder": method.reconstruct(beats_test, lost),
}
compare(
    beats_test[lost].reshape(300, 20),
    np.broadcast_to(beats.mean(axis=0), lost.shape)[lost].reshape(300, 20),
    {name: answer[lost].reshape(300, 20) for name, answer in answers.items()},
)
ReconstructionDisplay.from_estimator(method, beats_test, mask=lost, rows=[0, 1, 2])

# %%
# So for holes in images, the network is worth its training: it fills any hole, and better than a
# ridge regression that is fitted for this one. In this table, a linear model does as well. In
# series that begin at the same point, as these do, ``KNNImputer`` and ``Ridge`` are the better
# choice.

# sphinx_gallery_thumbnail_path = "_outputs/holes_and_gaps/2a.png"
