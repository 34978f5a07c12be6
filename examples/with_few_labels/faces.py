"""
Faces: whose is it, and which are alike?
========================================

Forty people, ten photos of each: the faces of ORL. The network learns from half of the
photos without names. Then one to five photos of each person have a name, and the people on the
other half have to be recognised. And without any name: do two photos show the same person (near
faces)?

Run it with ``SKSSL_DATA`` naming a folder that has ``images/orl_faces.npz``. scikit-learn
downloads the same faces, in another size: ``fetch_olivetti_faces().images``.
"""

# %%
# The first five photos of each person are for learning, the others for the test. A quarter of the
# resolution is enough, and saves most of the time.
import os
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from skssl import SimCLR
from skssl.inspection import NeighborsDisplay, few_label_report

with np.load(Path(os.environ["SKSSL_DATA"]) / "images" / "orl_faces.npz") as orl:
    photos, person, train = orl["X"], orl["y"], orl["image_number"] <= 5
small = photos.reshape(400, 28, 4, 23, 4).mean(axis=(2, 4)).astype(np.uint8)
X, X_test, y, y_test = small[train], small[~train], person[train], person[~train]

# %%
# Recognition
# -----------
# ``SimCLR`` learns from 200 photos that a face stays the same when it is cropped, mirrored and
# lit in another way. The report fits the same classifier to what it learned, to the network
# before its training, and to what one would take otherwise; eigenfaces are PCA.
simclr = SimCLR(max_epochs=120, batch_size=100, random_state=0).fit(X)
report = few_label_report(
    {"SimCLR": simclr},
    X,
    y,
    X_test=X_test,
    y_test=y_test,
    n_labels=(1, 2, 5),
    random_state=0,
)
print(report)

# %%
report.plot()

# %%
# Near faces
# ----------
# Here are no names at all: the more similar two photos are, the more likely they should be of one
# person. The area under the ROC curve is the chance that a pair of one person is nearer than a pair
# of two; 0.5 is guessing.
untrained = SimCLR(max_epochs=0, random_state=0).fit(X)
pca = PCA(50, random_state=0).fit(X.reshape(200, -1))
rows = {
    "pixels": X_test.reshape(200, -1) / 255.0,
    "eigenfaces": pca.transform(X_test.reshape(200, -1)),
    "random weights": untrained.transform(X_test),
    "SimCLR": simclr.transform(X_test),
}
first, second = np.triu_indices(200, k=1)
same = y_test[first] == y_test[second]
areas = {}
for name, Z in rows.items():
    similarity = cosine_similarity(Z - Z.mean(axis=0))
    areas[name] = roc_auc_score(same, similarity[first, second])
    np.fill_diagonal(similarity, -1)
    right = (y_test[similarity.argmax(axis=1)] == y_test).mean()
    print(f"{name:15} area {areas[name]:.3f}; the nearest photo is of the same person: {right:.1%}")

others = max((name for name in areas if name != "SimCLR"), key=areas.get)
word = "more" if areas["SimCLR"] > areas[others] else "less"
print(f"SimCLR tells pairs apart {word} surely than {others}, the best of the others.")

# %%
# Photos of four people who are known by their numbers alone, and the photos that are nearest to
# them.
NeighborsDisplay.from_estimator(simclr, X_test, y_test, rows=[0, 50, 100, 150], n_neighbors=6)

# sphinx_gallery_thumbnail_path = "_outputs/faces/5a.png"
