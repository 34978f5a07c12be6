"""
Colours for grey photos
=======================

Every colour photo is a lesson: make it grey, and the colours are the answer. What was learned
from 3,000 small photos of planes and ships, with much of sky and sea, is tried on photos that it
never saw.

Run it with ``SKSSL_DATA`` naming a folder that has ``images/cifar10_jpeg_train_20k.npz`` and
``..._test_5k.npz``. ``torchvision.datasets.CIFAR10(root, download=True).data`` has the same
photos.
"""

# %%
# 3,000 photos of 32x32 pixels to learn from, 500 for the test.
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from skssl import Colorization
from skssl.inspection import ReconstructionDisplay, paired_difference
from skssl.nn import SmallConvNet


def load(name, n):
    """Return the first photos of planes and ships in a file that holds them as JPEG."""
    with np.load(Path(os.environ["SKSSL_DATA"]) / "images" / name) as stored:
        data, offsets, y = stored["data"], stored["offsets"], stored["y"]
    rows = np.flatnonzero((y == 0) | (y == 8))[:n]
    files = (data[offsets[row] : offsets[row + 1]].tobytes() for row in rows)
    return np.stack([np.array(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])


X = load("cifar10_jpeg_train_20k.npz", 3000)
X_test = load("cifar10_jpeg_test_5k.npz", 500)
grey, grey_test = (
    (photos @ [0.299, 0.587, 0.114]).round().astype(np.uint8) for photos in (X, X_test)
)


# %%
# A network that is narrower than the default learns more in a minute.
def narrow(shape):
    """Return a small encoder of images of this shape."""
    return SmallConvNet(shape[0], shape[1:], widths=(16, 32, 64, 128))


painter = Colorization(
    encoder=narrow, batch_size=128, learning_rate=0.01, max_epochs=8, random_state=0
).fit(X)

# %%
# What one would try first: the usual colour of each shade of grey, and the colours of the ten
# training photos whose grey is nearest. Untrained, the network leaves everything grey.
colour, colour_test = X - grey[..., None].astype(float), X_test - grey_test[..., None].astype(float)
of_shade = np.stack([colour[np.abs(grey.astype(int) - s) < 3].mean(axis=0) for s in range(256)])
flat, flat_test = grey.reshape(len(X), -1), grey_test.reshape(len(X_test), -1)
neighbours = make_pipeline(PCA(50, random_state=0), KNeighborsRegressor(10))
by_neighbours = neighbours.fit(flat, colour.reshape(len(X), -1)).predict(flat_test)
returned = painter.colorize(grey_test)
answers = {
    "grey, as untrained": np.zeros_like(colour_test),
    "by shade": of_shade[grey_test],
    "nearest neighbours": by_neighbours.reshape(colour_test.shape),
    "Colorization": returned - grey_test[..., None].astype(float),
}
errors = {
    name: np.abs(answer - colour_test).mean(axis=(1, 2, 3)) for name, answer in answers.items()
}
for name, error in errors.items():
    print(f"{name:20} is wrong by {error.mean():.2f} of 255 steps")
for name in list(errors)[:-1]:
    lead = paired_difference(errors[name], errors["Colorization"])
    print(f"Colorization is {lead.against(name)}.")

# %%
# The first test photos. Training makes the mean error small, so colours are pale where several
# are possible.
ReconstructionDisplay.from_estimator(painter, X_test, rows=range(8))

# sphinx_gallery_thumbnail_path = "_outputs/colors/4a.png"
