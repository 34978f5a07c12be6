"""
A DataFrame with gaps, and labels in 2 % of its rows
====================================================

Census data: ages, jobs, hours, with missing cells and categories, and one question: does someone
earn more than 50,000 dollars? One Pipeline takes the DataFrame as it is, with ``None`` where
there is no answer.

Run it with ``SKSSL_DATA`` naming a folder that has ``tabular/adult.csv.gz``;
``fetch_openml("adult", version=2, as_frame=True)`` downloads the same rows, with the answer in the
column ``class`` and no ``split``. If your table has dates as well, see :ref:`table-dates`.
"""

# %%
# 8,000 rows to learn from, of which about 2 % have an answer, and 8,000 for the test.
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from skssl import SimCLR
from skssl.inspection import paired_difference
from skssl.semi_supervised import LabeledOnly

adult = pd.read_csv(Path(os.environ["SKSSL_DATA"]) / "tabular" / "adult.csv.gz")
X, income = adult.drop(columns=["income", "split"]), adult["income"]
X, X_test, y, y_test = train_test_split(
    X, income, train_size=8000, test_size=8000, stratify=income, random_state=0
)
print(f"{X.shape[1]} columns, {X.isna().any().sum()} of them with gaps; answers: {sorted(set(y))}")

# %%
# The Pipeline
# ------------
# The method learns from all rows, and the head from those with an answer. The last number
# is the accuracy of always giving the more frequent answer.
few = y.astype(object).where(np.random.default_rng(0).random(len(y)) < 0.02, None)
model = make_pipeline(SimCLR(random_state=0), LabeledOnly(LogisticRegression(max_iter=1000)))
model.fit(X, few)
print(f"labelled: {few.notna().sum()}; accuracy on new rows: {model.score(X_test, y_test):.3f}")
print(f"share of the more frequent answer: {y_test.value_counts(normalize=True).max():.3f}")

# %%
# Was it worth it?
# ----------------
# The same labels for what one would do otherwise: the columns as they are, trees, and the network
# before its training. Ten draws; the area under the ROC curve counts both classes alike. Categories
# become objects on the way, as scikit-learn does not know the missing values of nullable dtypes.
numbers = make_column_selector(dtype_include="number")
names = make_column_selector(dtype_exclude="number")
typed = X.astype(dict.fromkeys(names(X), object)).astype(dict.fromkeys(names(X), "category"))
typed_test = X_test.astype(typed.dtypes[names(X)])
columns = make_column_transformer(
    (make_pipeline(SimpleImputer(), QuantileTransformer(output_distribution="normal")), numbers),
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), names),
).fit(typed)
untrained = SimCLR(max_epochs=0, random_state=0).fit(X)
rows = {
    "columns + LR": (columns.transform(typed), columns.transform(typed_test)),
    "boosted trees": (typed, typed_test),
    "random weights + LR": (untrained.transform(X), untrained.transform(X_test)),
    "SimCLR + LR": (model[0].transform(X), model[0].transform(X_test)),
}
area = {name: [] for name in rows}
for draw in range(10):
    shown = np.random.default_rng(draw).random(len(y)) < 0.02
    for name, (Z, Z_test) in rows.items():
        if name == "boosted trees":
            classifier = HistGradientBoostingClassifier(min_samples_leaf=5, random_state=0)
        else:
            classifier = LogisticRegression(max_iter=1000)
        chance = classifier.fit(Z[shown], y[shown]).predict_proba(Z_test)[:, 1]
        area[name].append(roc_auc_score(y_test, chance))
for name, values in area.items():
    print(f"{name:20} {np.mean(values):.3f} ± {np.std(values):.3f}")
for name in list(area)[:-1]:
    print(f"SimCLR + LR is {paired_difference(area['SimCLR + LR'], area[name]).against(name)}.")

# %%
# The training is ahead of the same network without it, and level with logistic regression on the
# columns. :doc:`/modalities/tabular` tells on which tables it gives more.
fig, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.boxplot(list(area.values()), orientation="horizontal", tick_labels=list(area))
ax.set(xlabel="area under the ROC curve, ten draws of 2 % labels", title="Adult census data")
plt.show()

# sphinx_gallery_thumbnail_path = "_outputs/table_two_percent/4a.png"
