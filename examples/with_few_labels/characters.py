"""
Handwriting: one example of each character
==========================================

Five characters, one to five examples of each, and a pile of drawings that nobody has named. Is it
enough to have looked at other characters before, as people do who learn an alphabet? Or does a
method need the pile?

The characters are scikit-learn's digits. Drawings of your own, such as signatures in a folder for
each person, or Omniglot, are read with ``paths = sorted(Path("drawings").glob("*/*.png"))`` and
learned with ``SimCLR(modality=Images(size=32)).fit(paths)``.
"""

# %%
# Zero to four are the alphabet that is known; five to nine are new.
import numpy as np
from sklearn.datasets import load_digits

from skssl import SimCLR
from skssl.inspection import NeighborsDisplay, few_label_report

X, y = load_digits().images, load_digits().target
known, new = X[y < 5], X[y > 4]
label = y[y > 4]

# %%
# One ``SimCLR`` has only seen the old characters. The other is trained by the report, on the pile
# of new ones without their names.
elsewhere = SimCLR(max_epochs=25, batch_size=128, random_state=0).fit(known)
report = few_label_report(
    {
        "SimCLR, other characters": elsewhere,
        "SimCLR, these characters": SimCLR(max_epochs=60, batch_size=150, random_state=0),
    },
    new[:450],
    label[:450],
    X_test=new[450:],
    y_test=label[450:],
    n_labels=(1, 2, 5),
    random_state=0,
)
print(report)

# %%
report.plot()

# %%
# One example of each, and the drawings that are most like it.
examples = [int(np.flatnonzero(label == character)[0]) for character in range(5, 10)]
method = report.estimators["SimCLR, these characters"][0]
NeighborsDisplay.from_estimator(method, new, label, rows=examples, n_neighbors=7)

# sphinx_gallery_thumbnail_path = "_outputs/characters/4a.png"
