"""
Wrong labels: found, and mended
===============================

All labels are there, and some are wrong. Each row is predicted from the others; where the
prediction contradicts the label most clearly, somebody looks again.
"""

# %%
# Of the labels of 1,000 digits, 60 are made wrong. The last 797 digits are for the test.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl import SimCLR
from skssl.inspection import NeighborsDisplay

X, y = load_digits(return_X_y=True)
images = X.reshape(-1, 8, 8)
truth, noted = y[:1000], y[:1000].copy()
rng = np.random.default_rng(0)
wrong = rng.choice(1000, 60, replace=False)
noted[wrong] = (noted[wrong] + rng.integers(1, 10, 60)) % 10

# %%
# The method does not look at labels, so wrong ones cannot harm it.
simclr = SimCLR(max_epochs=15, batch_size=128, random_state=0).fit(images[:1000])
untrained = make_pipeline(SimCLR(max_epochs=0, random_state=0), StandardScaler())
features = {
    "pixels": X / 16,
    "random weights": untrained.fit(images[:1000]).transform(images),
    "SimCLR": simclr.transform(images),
}

# %%
# ``cross_val_predict`` judges each row by a classifier that never saw its label. The 100 most
# doubtful rows are looked at, and those that are wrong among them are put right. How good is the
# classifier before and after?
suspects, found = {}, {}
for name, Z in features.items():
    classifier = LogisticRegression(max_iter=2000)
    chance = cross_val_predict(classifier, Z[:1000], noted, cv=5, method="predict_proba")
    suspects[name] = chance[np.arange(1000), noted].argsort()[:100]
    found[name] = np.isin(wrong, suspects[name]).sum()
    mended = noted.copy()
    mended[suspects[name]] = truth[suspects[name]]
    before, after, best = (
        classifier.fit(Z[:1000], labels).score(Z[1000:], y[1000:])
        for labels in (noted, mended, truth)
    )
    print(
        f"{name:15} finds {found[name]} of 60; accuracy {before:.3f}, mended {after:.3f}, "
        f"without any wrong label {best:.3f}"
    )
best = max(("pixels", "random weights"), key=found.get)
word = {1: "more than", 0: "as many as", -1: "fewer than"}[np.sign(found["SimCLR"] - found[best])]
print(f"SimCLR finds {word} {best}, the best of the others.")

# %%
# The first suspects with the labels that were noted for them, and their neighbours: all of them
# say that it is something else.
NeighborsDisplay.from_embedding(
    features["SimCLR"][:1000], images[:1000], noted, rows=suspects["SimCLR"][:4], n_neighbors=6
)

# sphinx_gallery_thumbnail_number = 1
