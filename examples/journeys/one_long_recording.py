"""
One long recording: windows, forecasts, anomalies
=================================================

Two years of a transformer, seven sensors, a value an hour. There are no samples yet, and no labels
at all. What will the next day be like? And when was something wrong?

Run it with ``SKSSL_DATA`` naming a folder that has ``series/ETTh1.npz`` (Zhou et al. 2021, from
the repository ETDataset).
"""

# %%
# ``windows`` cuts samples without copying, ``split_windows`` makes sure that test windows share
# no hour with the others. The last quarter of the time is the test.
import os
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skssl import MaskedAutoencoder, SimCLR
from skssl.inspection import ReconstructionDisplay, paired_difference
from skssl.modality import Series
from skssl.utils import split_windows, windows

with np.load(Path(os.environ["SKSSL_DATA"]) / "series" / "ETTh1.npz") as stored:
    hours = stored["X"].astype(float)
first_test = len(hours) * 3 // 4
hours = (hours - hours[:first_test].mean(axis=0)) / hours[:first_test].std(axis=0)

# %%
# The next 24 hours
# -----------------
# From seven days, the day after them. No network is trained for it.
WEEK, DAY = 168, 24
X = windows(hours, length=WEEK + DAY, step=7)
train, test = split_windows(len(X), length=WEEK + DAY, step=7)
past, future = np.split(X[test], [WEEK], axis=2)
method = MaskedAutoencoder(modality=Series(), max_epochs=0, random_state=0).fit(X[train])
level, level_test = X[train][..., [WEEK - 1]], past[..., [-1]]
ridge = np.stack(
    [
        Ridge(100)
        .fit((X[train] - level)[:, sensor, :WEEK], (X[train] - level)[:, sensor, WEEK:])
        .predict((past - level_test)[:, sensor])
        for sensor in range(7)
    ],
    axis=1,
)
answers = {
    "the last hour": np.repeat(level_test, DAY, axis=2),
    "the day before": past[..., -DAY:],
    "Ridge": ridge + level_test,
    "forecast": method.forecast(past, DAY),
}
# Windows overlap: those of about a week are one case.
of_week = np.arange(len(test)) // 24
errors = {
    name: np.bincount(of_week, ((answer - future) ** 2).mean(axis=(1, 2))) / np.bincount(of_week)
    for name, answer in answers.items()
}
for name, error in errors.items():
    print(f"{name:15} squared error {error.mean():.3f}")
for name in list(errors)[:-1]:
    print(f"forecast is {paired_difference(errors[name], errors['forecast']).against(name)}.")

# %%
# Two of the seven sensors, of two test weeks.
names = {0: "high useful load", 4: "low useful load"}
ReconstructionDisplay.from_estimator(method, X[test], rows=[0, 200], horizon=DAY, channels=names)

# %%
# When was something wrong?
# -------------------------
# In every second test window, one sensor goes wrong on the last day, so that we know what is to be
# found: it sticks for twelve hours, or is too high for six. A day is suspicious where a
# forecast fails by more than it usually does, or if it is far from all ordinary days.
rng = np.random.default_rng(0)
faulty = rng.random(len(test)) < 0.5
came = future.copy()
for row in np.flatnonzero(faulty):
    sensor, start = rng.integers(7), rng.integers(12)
    if rng.random() < 0.5:
        came[row, sensor, start : start + 12] = came[row, sensor, start]
    else:
        came[row, sensor, start : start + 6] += 2
suspicion = {}
for name, answer in answers.items():
    usual = (answer - future)[:100].std(axis=0)
    suspicion[f"{name} fails"] = np.abs((answer - came) / usual).max(axis=(1, 2))
days = X[train][..., -DAY:]
options = {"modality": Series(normalize="dataset"), "encoder": "kernels", "random_state": 0}
embeddings = {
    "far in values": lambda series: series.reshape(len(series), -1),
    "far, random weights": SimCLR(max_epochs=0, **options).fit(days).transform,
    "far, SimCLR": SimCLR(max_epochs=15, **options).fit(days).transform,
}
for name, embed in embeddings.items():
    neighbours = NearestNeighbors(n_neighbors=5).fit(embed(days))
    suspicion[name] = neighbours.kneighbors(embed(came))[0].mean(axis=1)
areas = {name: roc_auc_score(faulty[100:], values[100:]) for name, values in suspicion.items()}
for name, area in areas.items():
    print(f"{name:22} area under the ROC curve {area:.3f}")
ours = max(("forecast fails", "far, SimCLR"), key=areas.get)
best = max((name for name in areas if name not in ("forecast fails", "far, SimCLR")), key=areas.get)
lead = areas[ours] - areas[best]
print(f"Best of ours: '{ours}'; against '{best}', the best of the others, by {lead:+.3f}.")
for other in ("far in values", "far, random weights"):
    print(f"'far, SimCLR' against '{other}': {areas['far, SimCLR'] - areas[other]:+.3f}.")

# sphinx_gallery_thumbnail_path = "_outputs/one_long_recording/3a.png"
