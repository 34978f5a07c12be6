"""
The next frames of a clip
=========================

A digit flies through a frame and bounces off its walls. Where will it be in the next frames? A
network that has seen enough clips, and was told nothing of digits or motion, can predict it.

Run it with ``SKSSL_DATA`` naming a folder that has ``video/moving_mnist_made.npz``.
``torchvision.datasets.MovingMNIST(root, download=True)`` has clips of two digits.
"""

# %%
# Clips of 16 frames of 32x32 pixels. The digits of the test clips are others than those of the
# training.
import os
from pathlib import Path

import numpy as np
from scipy.ndimage import shift

from skssl import MotionPrediction
from skssl.inspection import ReconstructionDisplay, paired_difference
from skssl.modality import Video

with np.load(Path(os.environ["SKSSL_DATA"]) / "video" / "moving_mnist_made.npz") as clips:
    X, X_test = clips["X_train"][:2000], clips["X_test"][:200]

# %%
# From the first frames of each clip, the network learns to continue it.
motion = MotionPrediction(
    modality=Video(), n_frames=4, batch_size=32, max_epochs=12, random_state=0
).fit(X)
past, future = X_test[:, : motion.n_past_], X_test[:, motion.n_past_ :].astype(float)
print(f"{motion.n_past_} frames are seen, {motion.n_frames_} are predicted")


# %%
# What needs no training: the last frame again, or the last movement again, found by comparing the
# last two frames at all shifts. That knows all about straight lines, and nothing about walls.
def straight_on(clip, n_frames):
    """Return frames that go on as the last two did."""
    before, last = clip[-2:].astype(float)
    spectrum = np.fft.fft2(last) * np.fft.fft2(before).conj()
    peak = np.unravel_index(np.fft.ifft2(spectrum).real.argmax(), last.shape)
    step = [
        (move + size // 2) % size - size // 2 for move, size in zip(peak, last.shape, strict=True)
    ]
    return np.stack([shift(last, np.multiply(step, k + 1), order=0) for k in range(n_frames)])


untrained = MotionPrediction(modality=Video(), n_frames=4, max_epochs=0, random_state=0).fit(X)
answers = {
    "last frame": np.repeat(past[:, -1:], 4, axis=1),
    "straight on": np.stack([straight_on(clip, 4) for clip in past]),
    "random weights": untrained.forecast(past),
    "MotionPrediction": motion.forecast(past),
}
errors = {
    name: ((answer - future) ** 2).mean(axis=(2, 3)) / X.var() for name, answer in answers.items()
}
print("squared error over the variance of pixels, by frame")
for name, error in errors.items():
    print(f"{name:18}" + "".join(f"{of_frame:8.3f}" for of_frame in error.mean(axis=0)))
ours = errors["MotionPrediction"].mean(axis=1)
for name in list(errors)[:-1]:
    print(
        f"MotionPrediction is {paired_difference(errors[name].mean(axis=1), ours).against(name)}."
    )

# %%
# The first test clips: what was seen, what was predicted, and what came.
ReconstructionDisplay.from_estimator(motion, X_test, rows=[0, 1])

# sphinx_gallery_thumbnail_path = "_outputs/next_frames/4a.png"
