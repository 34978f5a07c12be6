"""
Tuning without labels
=====================

Which views, and how strong? A search needs no label if its score looks at the embedding alone. Here
the labels are there, and the search is not told: afterwards we see whether it chose well.
"""

# %%
# How far may digits be turned? Too little teaches little, and too far makes a 6 of a 9. The default
# for digits is 15 degrees.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skssl import SimCLR
from skssl.inspection import ViewsDisplay
from skssl.model_selection import check_against_random_weights, default_scorer, knn_scorer

digits = load_digits()
X, y = digits.images[:800], digits.target[:800]

# %%
# ``default_scorer`` asks how much a view tells of which sample it is of, on rows that were not
# trained on. ``knn_scorer`` is in the search to be looked at afterwards: ``refit`` says which one
# chooses.
search = GridSearchCV(
    SimCLR(max_epochs=8, batch_size=120, random_state=0),
    {"views__rotation": [0, 15, 45, 180]},
    scoring={"without labels": default_scorer, "with labels": knn_scorer},
    refit="without labels",
    cv=ShuffleSplit(1, test_size=0.4, random_state=0),
).fit(X, y)
scores = {name: search.cv_results_[f"mean_test_{name}"] for name in search.scorer_}
for turns, *row in zip([0, 15, 45, 180], *scores.values(), strict=True):
    print(f"rotation {turns:3}: without labels {row[0]:.3f}, with all labels {row[1]:.3f}")

# %%
# Was it a good choice, and was training worth anything at all? The second has a check of its own,
# without labels. That the default was chosen is no surprise: the score asks about views as the
# default ones draw them. It tells you where you stray from these, and not where they are wrong for
# your data, such as digits that lie in all directions: look at the views, and at a few labels.
chosen = search.best_params_["views__rotation"]
loss = scores["with labels"].max() - scores["with labels"][search.best_index_]
gain = check_against_random_weights(search.best_estimator_, digits.images[800:])
print(f"Chosen: rotation {chosen}. It is {loss:.3f} below the best one by all labels.")
print(f"Against random weights, the score without labels is {gain:+.3f} on new digits.")

# %%
# What the chosen views do: you would take each row for the same digit.
ViewsDisplay.from_estimator(search.best_estimator_, X, rows=[0, 1, 2], n_views=6)

# %%
# The search sees the left axis only.
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
right = ax.twinx()
places = np.arange(4)
ax.bar(places - 0.2, scores["without labels"], 0.4, color="C0")
right.bar(places + 0.2, scores["with labels"], 0.4, color="C1")
ax.set_xticks(places, ["0", "15", "45", "180"])
ax.set_xlabel("views__rotation, in degrees")
ax.set_ylabel("score without labels", color="C0")
right.set_ylabel("nearest neighbours, with labels", color="C1")
right.set_ylim(0, 1)
plt.show()

# sphinx_gallery_thumbnail_number = 2
