"""
Rotations in space: shapes in any pose, and the poses themselves
================================================================

Two questions about the same clouds of points. *What is it*, however it lies? And *how does it
lie*, whatever it is? What the views of a method change, its embedding forgets, so each question
wants a method of its own.

The clouds are generated.
"""

# %%
# Six things with an upper end, turned from a profile: a line of (radius, height).
import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl import RotationPrediction, SimCLR
from skssl.inspection import NeighborsDisplay, classical_baselines, draw_labelled, paired_difference
from skssl.modality import PointCloud
from skssl.views import PointCloudViews

PROFILES = {
    "cone": [(1, -1), (0, 1)],
    "cup": [(0, -1), (0.8, -1), (0.8, 1)],
    "table": [(0.1, -1), (0.1, 0.8), (1, 0.8)],
    "mushroom": [(0.2, -1), (0.2, 0), (1, 0), (0.7, 0.7), (0, 1)],
    "bottle": [(0.7, -1), (0.7, 0), (0.25, 0.4), (0.25, 1)],
    "bowl": [(0, -0.5), (0.7, -0.3), (1, 0.5)],
}


def make(n, seed, n_points=64):
    """Return upright clouds, stretched and with noise, and which things they are."""
    rng = np.random.default_rng(seed)
    thing = np.arange(n) % len(PROFILES)
    X = np.empty((n, n_points, 3))
    for cloud, profile in zip(
        X, np.array(list(PROFILES.values()), dtype=object)[thing], strict=True
    ):
        line = np.array(profile, dtype=float)
        length = np.hypot(*np.diff(line, axis=0).T).cumsum()
        along = rng.random(n_points) * length[-1]
        radius, height = (np.interp(along, [0, *length], axis) for axis in line.T)
        angle = rng.uniform(0, 2 * np.pi, n_points)
        cloud[:] = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return X * rng.uniform(0.7, 1.3, (n, 1, 3)) + rng.normal(0, 0.03, X.shape), thing


def turn(X, turns):
    """Turn each cloud."""
    return (X @ turns.as_matrix().transpose(0, 2, 1)).astype(np.float32)


# %%
# ``SimCLR`` sees the clouds in any pose, and its views turn them further: it learns what stays.
# ``RotationPrediction`` sees them upright, and is asked how each was turned. Since these things
# look alike from all sides, only the end that is up can be told, which one in four of the answers
# has right.
(X, _), (X_more, thing), (X_test, thing_test) = make(900, 0), make(900, 1), make(600, 2)
any_pose = turn(X, Rotation.random(900, rng=0))
shape = SimCLR(
    modality=PointCloud(), views=PointCloudViews(rotation="so3"), max_epochs=40, random_state=0
).fit(any_pose)
pose = RotationPrediction(modality=PointCloud(), max_epochs=20, random_state=0).fit(X)
print(
    f"{pose.score(X_test):.1%} of {pose.n_classes_} rotations are told right; {6 / 24:.0%} can be."
)

# %%
# Ten labels per class for each question, ten times. The classical features know nothing about
# poses, or nothing else.
up = np.arange(900) // 6 % 6, np.arange(600) // 6 % 6
ways = Rotation.from_rotvec(
    [[0, 0, 0], [np.pi, 0, 0], *(np.pi / 2 * np.eye(3)[[0, 1]]), *(-np.pi / 2 * np.eye(3)[[0, 1]])]
)
questions = {
    "what": (
        turn(X_more, Rotation.random(900, rng=1)),
        thing,
        turn(X_test, Rotation.random(600, rng=2)),
        thing_test,
    ),
    "which end is up": (turn(X_more, ways[up[0]]), up[0], turn(X_test, ways[up[1]]), up[1]),
}
baselines = classical_baselines(PointCloud())
features = {
    "distances (D2)": baselines["distances (D2)"].fit(X),
    "voxels": baselines["voxels"].fit(X),
    "random weights": SimCLR(modality=PointCloud(), max_epochs=0, random_state=0).fit(X),
    "SimCLR, any pose": shape,
    "RotationPrediction": pose,
}


def judge(name, question):
    """Return the accuracies of ten draws of labels, and print them."""
    rows, y, rows_test, y_test = questions[question]
    Z, Z_test = features[name].transform(rows), features[name].transform(rows_test)
    probe = make_pipeline(
        FrozenEstimator(StandardScaler().fit(Z)), LogisticRegression(max_iter=1000)
    )
    draws = [draw_labelled(y, 10, draw) for draw in range(10)]
    accuracy = [probe.fit(Z[draw], y[draw]).score(Z_test, y_test) for draw in draws]
    print(f"{question:16} {name:20} {np.mean(accuracy):.3f} ± {np.std(accuracy):.3f}")
    return accuracy


for question, ours in {"what": "SimCLR, any pose", "which end is up": "RotationPrediction"}.items():
    scores = {name: judge(name, question) for name in features}
    best = max((name for name in features if name != ours), key=lambda name: np.mean(scores[name]))
    print(f"{ours} is {paired_difference(scores[ours], scores[best]).against(best)}.")

# %%
# Some things, in any pose, and what is nearest to them in the embedding of ``SimCLR``.
names = np.array(list(PROFILES))[thing_test]
NeighborsDisplay.from_estimator(shape, questions["what"][2], names, rows=[0, 2, 3], n_neighbors=3)

# sphinx_gallery_thumbnail_path = "_outputs/shapes_in_any_pose/4a.png"
