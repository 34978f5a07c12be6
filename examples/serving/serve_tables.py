"""
Serve tables without torch
==========================

What ``skssl.utils.to_onnx(model, "model.onnx")`` wrote, of a method on tables and a logistic
regression, needs onnxruntime and NumPy, and what its metadata tell of the columns:

    python serve_tables.py model.onnx rows.csv
    python serve_tables.py model.onnx rows.json

A file has the columns of ``fit`` by name, in any order: ``df.to_csv("rows.csv", index=False)`` or
``df.to_json("rows.json", orient="records")``. An empty cell of a CSV and the null of JSON are
missing values. A web service calls ``probabilities(json.loads(body))``.
"""

import csv
import json
import math
import statistics
import sys
from pathlib import Path

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
how = about["preparation"]
names, numbers = how["columns"], how["numbers"]
holds = {names[one["column"]]: one["holds"] for one in how["categories"]}
inverse_normal = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])


def read_csv(path):
    """Return the rows of a file as dicts of strings, bools, numbers and None."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    for number, line in enumerate(lines):
        if len(line) != len(header):
            raise ValueError(f"row {number} has {len(line)} cells, the header {len(header)}")
    return [
        {name: from_text(name, cell) for name, cell in zip(header, line, strict=True)}
        for line in lines
    ]


def from_text(name, cell):
    """Return what a cell of a CSV says; what it cannot be is refused later."""
    if cell == "":
        return None
    if holds.get(name) == "strings":
        return cell
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    for kind in (int, float):  # an int first, since ids may have more digits than a float
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell


def column_of(rows, name):
    """Return the values of a column, None where they are missing."""
    kind = holds.get(name, "numbers")
    allowed = {"strings": str, "booleans": bool, "numbers": (int, float), "no value": object}[kind]
    values = [row[name] for row in rows]
    for number, value in enumerate(values):
        if isinstance(value, float) and math.isnan(value):
            values[number] = None
        # To Python, bools are ints. Among numbers they count as 0 and 1, but they are no category.
        elif value is not None and (
            not isinstance(value, allowed)
            or (kind == "numbers" and name in holds and isinstance(value, bool))
            or value in (math.inf, -math.inf)
        ):
            raise ValueError(f"column {name!r}, row {number}: {value!r}, but it holds {kind}")
    return values


def prepare_numbers(values, place):
    """Scale the numbers of a column as in training; None is a gap, and becomes NaN."""
    x = np.array(values, dtype=float)
    if how["scaling"] is None:
        return x
    learned = {name: np.array(numbers[name]) for name in numbers if name != "clip_to"}
    x = x.clip(*numbers.get("clip_to", {}).get(str(place), (-np.inf, np.inf)))
    x = (x - learned["shift"][place]) / learned["unit"][place]
    x = np.where(np.isnan(x), x, x * ~learned["constant"][place])
    if how["scaling"] == "quantile":
        knots, shares = learned["quantiles"][place], learned["references"]
        ranks = np.interp(x, knots, shares) / 2 - np.interp(-x, -knots[::-1], -shares[::-1]) / 2
        ranks = np.where(x - 1e-7 < knots[0], 0, np.where(x + 1e-7 > knots[-1], 1, ranks))
        normal = inverse_normal(np.nan_to_num(ranks).clip(1e-7, 1 - 1e-7))
        x = np.where(np.isnan(x), np.nan, normal)
    return (x - learned["mean"][place]) / learned["scale"][place]


def prepare_categories(values, column):
    """Turn the cells of a column into codes. To Python, 1 and 1.0 are the same category."""
    codes = {None: column["missing"], **dict(column["codes"])}
    return [codes.get(value, how["unknown"]) for value in values]


def probabilities(rows):
    """Return the probabilities of all classes for rows, each a dict of the columns by name."""
    if not rows:
        raise ValueError("there are no rows")
    for number, row in enumerate(rows):
        if row.keys() != set(names):
            raise ValueError(f"row {number} has the columns {sorted(row)}; they must be {names}")
    columns = [column_of(rows, name) for name in names]
    prepared = [prepare_numbers(columns[at], i) for i, at in enumerate(numbers["columns"])]
    prepared += [prepare_categories(columns[one["column"]], one) for one in how["categories"]]
    samples = np.array(prepared, dtype=how["dtype"]).T
    too_large = (abs(samples) > 1e15).any(axis=1)
    if too_large.any():
        raise ValueError(f"row {too_large.argmax()} has a number that is too large")
    (answers,) = session.run(["probabilities"], {"samples": samples})
    return answers


path = Path(sys.argv[2])
rows = read_csv(path) if path.suffix == ".csv" else json.loads(path.read_text(encoding="utf-8"))
for answer in probabilities(rows):
    print(about["classes"][answer.argmax()], f"{answer.max():.6f}", sep="\t")
