"""
Stock prices: what can be foreseen, and what not
================================================

Five years of the S&P 500. Whether prices rise is not to be seen in their past; how widely they
will swing is. An honest test shows both, and avoids three traps:

- **the future in the training**: everything is learned from windows that end before the test
  begins, and their answers do as well;
- **the future in the scaling**: a series is scaled by itself, and only by what came before;
- **a comparison that is too easy**: a forecast of prices that follows the curve looks impressive,
  and so does yesterday's price. Every number is next to that of a naive forecast.

Run it with ``SKSSL_DATA`` naming a folder that has ``series/sp500_daily_ohlcv_5yr.npz``, which is
made of "camnugent/sandp500" on Kaggle. The companies are those that were in the index in the end:
whoever fell out is missing, which flatters any strategy.
"""

# %%
# 473 companies, 1,259 days. Of logarithms, differences are relative changes. The last year and a
# half is the test.
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl import MaskedAutoencoder, SimCLR
from skssl.inspection import paired_difference
from skssl.modality import Series
from skssl.utils import windows

SEEN, AHEAD, SPLIT = 60, 5, 880
with np.load(Path(os.environ["SKSSL_DATA"]) / "series" / "sp500_daily_ohlcv_5yr.npz") as stored:
    _, high, low, close, volume = np.moveaxis(stored["X"].astype(float), 2, 0)
of_day = {
    "price": np.log(close),
    "range of the day": np.log(np.log(high / low).clip(1e-3)),
    "volume": np.log(volume.clip(1)),
}
of_day = {name: pd.DataFrame(x.T).ffill().bfill().to_numpy() for name, x in of_day.items()}


# %%
# Forecasts of the next week
# --------------------------
# Windows of 60 days and the 5 after them. ``forecast`` needs no training of a network.
def cut(days, step):
    """Return windows (weeks, companies, steps)."""
    return windows(days, length=SEEN + AHEAD, step=step)


relative = {}
for name, days in of_day.items():
    X = cut(days[:SPLIT], step=10).reshape(-1, 1, SEEN + AHEAD)
    test = cut(days[SPLIT - SEEN :], step=AHEAD)
    past, future = np.split(test, [SEEN], axis=2)
    last = past[..., -1:]
    ours = MaskedAutoencoder(modality=Series(), max_epochs=0, random_state=0).fit(X)
    level = X[:, 0, [SEEN - 1]]
    ridge = Ridge(10).fit(X[:, 0, :SEEN] - level, X[:, 0, SEEN:] - level)
    answers = {
        "last day": last,
        "mean of 20 days": past[..., -20:].mean(axis=2, keepdims=True),
        "Ridge": last + ridge.predict((past - last).reshape(-1, SEEN)).reshape(future.shape),
        "forecast": ours.forecast(past.reshape(-1, 1, SEEN), AHEAD).reshape(future.shape),
    }
    # Companies of one week rise and fall together: a week is one case.
    errors = {who: ((a - future) ** 2).mean(axis=(1, 2)) for who, a in answers.items()}
    scale = errors["last day"].mean()
    relative[name] = {who: error.mean() / scale for who, error in errors.items()}
    print(f"{name}: squared error, that of the last day is 1; {len(test)} test weeks")
    print("  " + ", ".join(f"{who} {error:.3f}" for who, error in relative[name].items()))
    for who in ("last day", "mean of 20 days", "Ridge"):
        lead = paired_difference(errors[who] / scale, errors["forecast"] / scale)
        print(f"  forecast is {lead.against(who)}.")

# %%
pd.DataFrame(relative).T.plot.bar(figsize=(6.4, 3.6), rot=0, ylabel="squared error, last day = 1")
plt.axhline(1, color="0.3", linewidth=1)
plt.title("Only what lies below the line is better than yesterday's value", fontsize=10)
plt.tight_layout()
plt.show()

# %%
# Up or down?
# -----------
# An embedding of 60 days - daily changes, ranges and volumes - learned from all companies without
# labels, and a classifier for two questions about the week that follows: will the price do better
# than most, and will it swing more than most? Every eighth week is enough to learn from.
change = np.diff(of_day["price"], axis=0)
days = np.stack([change, of_day["range of the day"][1:], of_day["volume"][1:]], axis=2)
weeks = windows(days.reshape(len(days), -1), SEEN + AHEAD, AHEAD).reshape(-1, 473, 3, SEEN + AHEAD)
ends = 1 + AHEAD * np.arange(len(weeks)) + SEEN + AHEAD
train, test = weeks[ends <= SPLIT][::8], weeks[ends - AHEAD >= SPLIT][::4]
X, X_test = (part[..., :SEEN].reshape(-1, 3, SEEN) for part in (train, test))
options = {"modality": Series(normalize="dataset"), "encoder": "kernels", "random_state": 0}
simclr = SimCLR(max_epochs=10, **options).set_params(views__shift=0).fit(X[::4])
untrained = SimCLR(max_epochs=0, **options).fit(X[::4])
features = {
    "values": lambda X: X.reshape(len(X), -1),
    "random weights": untrained.transform,
    "SimCLR": simclr.transform,
}
questions = {
    "rises more than most": lambda part: part[:, :, 0, SEEN:].sum(axis=2),
    "swings more than most": lambda part: part[:, :, 1, SEEN:].mean(axis=2),
}
for question, of in questions.items():
    y, y_test = (of(part) > np.median(of(part), axis=1, keepdims=True) for part in (train, test))
    areas = {"guessing": np.full(len(test), 0.5)}
    for name, embed in features.items():
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
        chance = probe.fit(embed(X), y.ravel()).predict_proba(embed(X_test))[:, 1]
        pairs = zip(y_test, chance.reshape(y_test.shape), strict=True)
        areas[name] = np.array([roc_auc_score(truth, said) for truth, said in pairs])
        print(f"{question}, {name}: area under the ROC curve {areas[name].mean():.3f}")
    for name in ("guessing", "values", "random weights"):
        print(f"  SimCLR is {paired_difference(areas['SimCLR'], areas[name]).against(name)}.")

# sphinx_gallery_thumbnail_path = "_outputs/stock_prices/3a.png"
