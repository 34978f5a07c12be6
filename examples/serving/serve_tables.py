"""
Serve tables without torch
==========================

What ``skssl.utils.to_onnx(model, "model.onnx")`` wrote, of a method on tables and a logistic
regression, needs onnxruntime and NumPy, and the quantiles and categories of its metadata:

    python serve_tables.py model.onnx < rows.csv

The rows have the columns in the order of ``fit``, without a header and an index, as
``df.to_csv("rows.csv", index=False, header=False)`` writes them.
"""

import csv
import json
import statistics
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
how = about["preparation"]
inverse_normal = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])


def prepare_numbers(values, place):
    """Put the cells of a column on a normal distribution, by its quantiles; "" is a gap."""
    learned = {name: np.array(of_columns) for name, of_columns in how["numbers"].items()}
    knots, shares = learned["quantiles"][place], learned["references"]
    x = np.array([value or "nan" for value in values], dtype=float)
    x = np.where(np.isnan(x), x, x * ~learned["constant"][place])
    x = (x - learned["shift"][place]) / learned["unit"][place]
    ranks = np.interp(x, knots, shares) / 2 - np.interp(-x, -knots[::-1], -shares[::-1]) / 2
    ranks = np.where(x - 1e-7 < knots[0], 0, np.where(x + 1e-7 > knots[-1], 1, ranks))
    normal = np.where(
        np.isnan(x), np.nan, inverse_normal(np.nan_to_num(ranks).clip(1e-7, 1 - 1e-7))
    )
    return (normal - learned["mean"][place]) / learned["scale"][place]


def prepare_categories(values, column):
    """Turn the cells of a column into codes."""
    codes = {"": how["missing"], **dict(column["codes"])}
    return [codes.get(value, how["unknown"]) for value in values]


columns = list(zip(*csv.reader(sys.stdin), strict=True))
prepared = [prepare_numbers(columns[at], i) for i, at in enumerate(how["numbers"]["columns"])]
prepared += [prepare_categories(columns[one["column"]], one) for one in how["categories"]]
samples = np.array(prepared, dtype=how["dtype"]).T
(probabilities,) = session.run(["probabilities"], {"samples": samples})
for row in probabilities:
    print(about["classes"][row.argmax()], f"{row.max():.6f}", sep="\t")
