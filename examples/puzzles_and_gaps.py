"""
Puzzles and gaps
================

A pretext task is made of unlabelled samples whose answer is known: put the pieces back, tell the
colours, fill the hole, foresee the next frames. What a network learns from it is an embedding, as
of every method here, and the skill itself. These are pictures of the skills, learned from the few
images that scikit-learn has, and shown on what was not trained on: the first ones of the test
images, and those patches of the right part of the photos that have the most to see.
"""

import numpy as np
from sklearn.datasets import load_digits, load_sample_images

from skssl import Colorization, ContextEncoder, JigsawPuzzle, MotionPrediction
from skssl.inspection import ReconstructionDisplay
from skssl.modality import Video

# %%
# Pieces out of order
# -------------------
# Digits of 8x8 pixels are cut into four tiles. The encoder sees one tile at a time, and a head
# tells in which of the 24 orders they are. ``shuffle`` makes puzzles, ``solve`` puts them together.
digits = load_digits().images / 16
train, test = digits[:1297], digits[1297:]

puzzle = JigsawPuzzle(batch_size=128, max_epochs=30, random_state=0).fit(train)
shuffled, _ = puzzle.shuffle(test)
solved = puzzle.solve(shuffled)

ReconstructionDisplay.from_estimator(puzzle, test, rows=range(10))
print(
    f"Of {len(test)} digits that were not trained on, "
    f"{np.mean((solved == test).all(axis=(1, 2))):.0%} are put together as they were. The task's "
    f"score on them is {puzzle.score(test):.2f}; by chance, it would be "
    f"{1 / puzzle.n_classes_:.2f}."
)

# %%
# Holes
# -----
# The network learned to paint what random rectangles hide. ``inpaint`` fills what a mask of your
# own marks, here the middle of the digit, and leaves everything else as it is.
painter = ContextEncoder(batch_size=64, max_epochs=15, random_state=0).fit(train)
hole = np.zeros((8, 8), dtype=bool)
hole[2:6, 2:6] = True

ReconstructionDisplay.from_estimator(painter, test, mask=hole, rows=range(10))
print(
    "On digits that were not trained on, the squared error in random holes is "
    f"{painter.score(test):.0%} smaller than that of filling with the mean."
)

# %%
# Colours
# -------
# The left part of two photos, cut into patches of 32x32 pixels, is all that this network ever saw
# in colour. The right part is cut into patches too, made grey, and coloured patch by patch. Of what
# is around a patch the network knows nothing, so it may take dark leaves for the red wood of a
# temple.
SIDE, BORDER = 32, 448
photos = np.stack(load_sample_images().images)


def cut(photos, step):
    """Cut photos into patches."""
    patches = np.lib.stride_tricks.sliding_window_view(photos, (SIDE, SIDE), axis=(1, 2))
    return np.moveaxis(patches[:, ::step, ::step], 3, 5).reshape(-1, SIDE, SIDE, 3)


patches = cut(photos[:, :, :BORDER], step=8)
right_patches = cut(photos[:, :, BORDER:], step=SIDE)

colorizer = Colorization(batch_size=64, max_epochs=2, random_state=0).fit(patches)
most_to_see = np.argsort(right_patches.std(axis=(1, 2)).mean(axis=1))[:-11:-1]
ReconstructionDisplay.from_estimator(colorizer, right_patches, rows=most_to_see)
print(
    "On the part of the photos that was not trained on, the error of the colours is "
    f"{colorizer.score(right_patches):.0%} smaller than that of grey."
)

# %%
# What comes next
# ---------------
# Clips of a digit that bounces in a frame of 16x16 pixels, each at its own speed. From five frames,
# the network predicts the next three; ``forecast`` goes on from there with what it predicted.
N_FRAMES, FRAME = 8, 16


def bounce(images, rng):
    """Return clips of images that move on straight lines and are thrown back by the walls."""
    room = FRAME - images.shape[1]
    start = rng.integers(0, 2 * room, (len(images), 1, 2))
    speed = rng.choice([-2, -1, 1, 2], (len(images), 1, 2))
    path = (start + speed * np.arange(N_FRAMES)[:, None]) % (2 * room)
    clips = np.zeros((len(images), N_FRAMES, FRAME, FRAME))
    for clip, image, places in zip(clips, images, np.minimum(path, 2 * room - path), strict=True):
        for frame, (top, left) in zip(clip, places, strict=True):
            frame[top : top + len(image), left : left + len(image)] = image
    return clips


rng = np.random.default_rng(0)
clips, test_clips = bounce(train, rng), bounce(test, rng)
motion = MotionPrediction(
    modality=Video(), n_frames=3, batch_size=64, max_epochs=12, random_state=0
).fit(clips)
ReconstructionDisplay.from_estimator(motion, test_clips)
print(
    "Frames with an orange edge are predicted. On clips of digits that were not trained on, the "
    f"squared error is {motion.score(test_clips):.0%} smaller than that of repeating the last one."
)

# sphinx_gallery_thumbnail_path = "_outputs/puzzles_and_gaps/2a.png"
