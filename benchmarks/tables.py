"""What tables show: lines of scores, what was chosen among them, ranks over data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from protocol import Benchmark, Row
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

CHOSEN = "chosen"
Tables = Mapping[str, Sequence["Line"]]


@dataclass
class Line:
    """A line of a table: the scores of a kind of features with a head.

    `scores` are arrays of shape (seeds, draws) by number of labels. `validation` has the scores by
    which heads are chosen, as far as there are any.
    """

    features: str
    head: str
    kind: str
    control: str
    scores: dict[str, np.ndarray]
    validation: dict[str, float]
    steps: int | None = None
    seconds: float | None = None
    own_task: float | None = None

    @property
    def name(self) -> str:
        """Features and head."""
        is_chosen = self.head == CHOSEN
        return f"{self.features} ({CHOSEN})" if is_chosen else f"{self.features} + {self.head}"


def key_of(row: Row, seed: int) -> str:
    """Return under which name a row is kept."""
    return f"{row.name}, seed {seed}" if seed else row.name


def lines_of(rows: Sequence[Row], kept: Mapping[str, Any], benchmark: Benchmark) -> list[Line]:
    """Return the lines of the rows that are kept, over the seeds that are."""
    lines = []
    for row in rows:
        keys = [key_of(row, seed) for seed in range(row.seeds)]
        results = [kept[key] for key in keys if key in kept]
        for head in benchmark.heads_of(row) if results else ():
            cells = [result["heads"].get(head, {}) for result in results]
            # Rows may be kept for other numbers of labels, and for some seeds only.
            columns = [c for c in benchmark.columns if all(of_seed.get(c) for of_seed in cells)]
            if columns:
                lines.append(_line(row, head, results, cells, columns))
    return lines


def _line(row: Row, head: str, results: list, cells: list, columns: list[str]) -> Line:
    validation = {c: [of_seed[c]["validation"] for of_seed in cells] for c in columns}
    return Line(
        row.name,
        head,
        row.kind,
        row.control,
        {c: np.array([of_seed[c]["scores"] for of_seed in cells]) for c in columns},
        {c: float(np.mean(scores)) for c, scores in validation.items() if None not in scores},
        round(np.mean([result["steps"] for result in results])),
        float(np.mean([result["seconds"] for result in results])),
        results[0].get("own task"),
    )


def chosen(name: str, lines: Sequence[Line]) -> Line | None:
    """Return the line that has, for each number of labels, the scores of the best in validation.

    None if there is nothing to choose from.
    """
    scores = {}
    for column in dict.fromkeys(c for line in lines for c in line.validation):
        having = [line for line in lines if column in line.validation]
        scores[column] = max(having, key=lambda line: line.validation[column]).scores[column]
    kinds = {line.kind for line in lines}
    controls = {line.control for line in lines}
    control = controls.pop() if len(controls) == 1 else ""
    return Line(name, CHOSEN, *kinds, control, scores, {}) if scores else None


def one_for_each(lines: Sequence[Line]) -> list[Line]:
    """Return a line for each kind of features: that of the chosen head, or that of the only one."""
    by_features: dict[str, list[Line]] = {}
    for line in lines:
        by_features.setdefault(line.features, []).append(line)
    found = []
    for name, of_name in by_features.items():
        best = of_name[0] if len(of_name) == 1 else chosen(name, of_name)
        found += [best] if best else []
    return found


def best_of_kinds(lines: Sequence[Line]) -> dict[str, Line]:
    """Return, by kind, what was chosen among all lines of it."""
    found = {}
    for kind in dict.fromkeys(line.kind for line in lines):
        best = chosen(f"best of {kind}", [line for line in lines if line.kind == kind])
        if best:
            found[kind] = best
    return found


def print_table(name: str, lines: Sequence[Line], benchmark: Benchmark) -> None:
    """Print one data set's table in Markdown, and below what was chosen of it in validation."""
    columns = benchmark.columns
    own_task = ["own task"] if benchmark.own_task else []
    trained = max((cell.shape[0] for line in lines for cell in line.scores.values()), default=1)
    seeds = f"up to {trained} seeds" if trained > 1 else "one seed"
    print(
        f"\n**{name}**: {_score_of(benchmark)}, higher is better; mean ± standard deviation over "
        f"{benchmark.draws} draws of the labelled rows, with {seeds} of training\n"
    )
    print(
        "| labels per class | " + " | ".join([*columns, *own_task, "steps", "CPU seconds"]) + " |"
    )
    print("|---|" + "---|" * (len(columns) + len(own_task) + 2))
    # A row with one head has nothing to choose.
    of_rows = [line for line in one_for_each(lines) if line.head == CHOSEN]
    for line in [*lines, *of_rows, *best_of_kinds(lines).values()]:
        found = [line.scores.get(column) for column in columns]
        cells = ["" if c is None else f"{c.mean():.3f} ± {c.std():.3f}" for c in found]
        cells += [_number(line.own_task, 3)] if own_task else []
        cells += [_number(line.steps, 0), _number(line.seconds, 0)]
        n_seeds = next(iter(line.scores.values())).shape[0]
        seeds = f" ({n_seeds} seeds)" if n_seeds > 1 and line.head != CHOSEN else ""
        print(f"| {line.name}{seeds} | " + " | ".join(cells) + " |", flush=True)


def _score_of(benchmark: Benchmark) -> str:
    return benchmark.scoring.replace("_", " ")


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def print_ranks(by_task: Tables, benchmark: Benchmark) -> None:
    """Print every line's mean rank and score over the data sets, and a test of the differences.

    There is one line for each kind of features. The tests are about means over the numbers of
    labels: Friedman's for all lines; Wilcoxon's signed ranks, with the correction of Holm, for each
    line and that which leads. Data sets without as many rows of each class are left out.
    """
    columns = list(map(str, benchmark.n_labels))
    every = [{line.features: line for line in one_for_each(lines)} for lines in by_task.values()]
    tables = [
        table for table in every if any(set(columns) <= set(line.scores) for line in table.values())
    ]
    if not tables:
        return
    names = [
        name
        for name in tables[0]
        if all(name in table and set(columns) <= set(table[name].scores) for table in tables)
    ]
    scores = np.array(
        [[[table[name].scores[c].mean() for name in names] for c in columns] for table in tables]
    )
    ranks = rankdata(-scores, axis=2).mean(axis=0)
    lead = benchmark.lead.partition(" + ")[0]
    against = _against(lead, names, scores.mean(axis=1))
    print(
        f"\nMean rank (and mean {_score_of(benchmark)}) over {len(tables)} data sets"
        + (", those with as many labels of each class" if len(tables) < len(every) else "")
        + ', of the rows that all of them have. Rank 1 is the best; "together" is the mean over '
        f'the numbers of labels; "p, {lead}" is Wilcoxon\'s test against {lead}, corrected by Holm.'
    )
    if len(names) > 2 and len(tables) > 2:
        test = friedmanchisquare(*scores.mean(axis=1).T)
        print(f"Friedman's test of whether all rank the same: p = {test.pvalue:.2g}")
    print("\n| labels per class | " + " | ".join([*columns, "together", f"p, {lead}"]) + " |")
    print("|---|" + "---|" * (len(columns) + 2))
    for index, name in enumerate(names):
        cells = [
            f"{ranks[column, index]:.2f} ({scores[:, column, index].mean():.3f})"
            for column in range(len(columns))
        ]
        p = f"{against[name]:.2g}" if name in against else ""
        print(f"| {name} | " + " | ".join([*cells, f"{ranks[:, index].mean():.2f}", p]) + " |")


def _against(lead: str, names: Sequence[str], scores: np.ndarray) -> dict[str, float]:
    """Return p-values, corrected by Holm, of each line's difference from the leading one."""
    if lead not in names:
        return {}
    of_lead = scores[:, names.index(lead)]
    p_values = {}
    for name, others in zip(names, scores.T, strict=True):
        if name != lead:
            same = np.array_equal(others, of_lead)
            p_values[name] = 1.0 if same else float(wilcoxon(of_lead, others).pvalue)
    corrected, largest = {}, 0.0
    for position, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - position) * p_values[name]))
        corrected[name] = largest
    return corrected
