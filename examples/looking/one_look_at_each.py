"""
Look before you classify: views, training, map, neighbours
==========================================================

Four figures that say what a method did with your samples, before there is a single label. Here are
digits; each figure takes images, series, rows of a table, texts, clips and clouds alike.
"""

# %%
# A short training on 500 digits.
from sklearn.datasets import load_digits

from skssl import SimCLR
from skssl.inspection import EmbeddingDisplay, NeighborsDisplay, TrainingDisplay, ViewsDisplay

X, y = load_digits().images[:500], load_digits().target[:500]
ssl = SimCLR(max_epochs=10, batch_size=125, random_state=0).fit(X)

# %%
# What was taken for the same
# ---------------------------
# Each row is one digit and what the views make of it. If you would not take them for the same, the
# views are too strong.
ViewsDisplay.from_estimator(ssl, X, rows=[0, 6, 9], n_views=6)

# %%
# How the training went
# ---------------------
# The embedding spreads over many directions, and two views of a sample find each other.
TrainingDisplay.from_estimator(ssl)

# %%
# A map
# -----
# t-SNE keeps neighbours together. The colours are the digits, which were never shown to the method.
EmbeddingDisplay.from_estimator(ssl, X, y, thumbnails=40)

# %%
# The network before its training has a map as well. It is how one sees that the groups above are
# due to learning, or that they are not.
untrained = SimCLR(max_epochs=0, random_state=0).fit(X)
EmbeddingDisplay.from_estimator(untrained, X, y)

# %%
# Neighbours
# ----------
# The number above each digit is its distance, and its label.
NeighborsDisplay.from_estimator(ssl, X, y, rows=[1, 3, 9], n_neighbors=6)

# sphinx_gallery_thumbnail_number = 3
