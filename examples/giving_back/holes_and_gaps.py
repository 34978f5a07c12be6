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
# Errors are relative to what the mean over all samples would give: 1.0 is "knows nothing".
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
    X, X_test = fashion["X_train"][:20000:10], fashion["X_test"][:300]
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
gaps = np.random.default_rng(0).random(table.shape) < 0.2
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
# Heartbeats of which a fifth is lost.
with np.load(folder / "ucr" / "ECG5000.npz") as ecg:
    beats, beats_test = ecg["X_train"], ecg["X_test"][:300]
lost = np.zeros(140, dtype=bool)
lost[60:88] = True
method = MaskedAutoencoder(
    modality=Series(), width=64, depth=2, batch_size=50, max_epochs=60, random_state=0
).fit(beats)
mended = method.reconstruct(beats_test, np.broadcast_to(lost, beats_test.shape))
known, steps = np.flatnonzero(~lost), np.flatnonzero(lost)
line = np.stack([np.interp(steps, known, beat[0, known]) for beat in beats_test])
ridge = Ridge(10).fit(beats[:, 0, ~lost], beats[:, 0, lost])
compare(
    beats_test[:, 0, lost],
    beats[:, 0, lost].mean(axis=0),
    {
        "straight line": line,
        "Ridge, for this gap": ridge.predict(beats_test[:, 0, ~lost]),
        "MaskedAutoencoder": mended[:, 0, lost],
    },
)
ReconstructionDisplay.from_estimator(method, beats_test, mask=lost, rows=[0, 1, 2])

# sphinx_gallery_thumbnail_path = "_outputs/holes_and_gaps/2a.png"
