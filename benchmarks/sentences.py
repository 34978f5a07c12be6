"""Sentences about who is ahead, from the draws and seeds that two lines of a table share.

"Ahead" and "behind" are more than two standard errors of the differences, draw by draw
(`skssl.inspection.paired_difference`); what is less is called level. What is compared is what was
chosen in validation among all lines of a kind, so that no test row had a part in the choice, and
the line that a benchmark leads with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from protocol import CLASSICAL, CONTROL, OURS, PRETRAINED, Benchmark
from tables import Line, Tables, best_of_kinds, one_for_each

from skssl.inspection import PairedDifference, paired_difference

Pairs = dict[tuple[str, str], tuple[Line, Line]]


def pairs_of(lines: Sequence[Line], benchmark: Benchmark) -> Pairs:
    """Return which lines are compared, by their names."""
    best = best_of_kinds(lines)
    by_name = {line.name: line for line in lines}
    lead = by_name.get(benchmark.lead)
    firsts = [best.get(OURS), lead]
    pairs = [(f, best.get(kind)) for f in firsts for kind in (CLASSICAL, PRETRAINED)]
    pairs.append((best.get(PRETRAINED), best.get(CLASSICAL)))
    # What fine-tuning is worth, of which nothing was chosen, and what training is worth.
    pairs += [(line, lead) for line in lines if line.kind == OURS and not line.validation]
    pairs += [
        (line, by_name.get(f"{line.control} + {line.head}"))
        for line in lines
        if line.kind == OURS and line.head == "LR"
    ]
    rows = {line.features: line for line in one_for_each(lines)}
    pairs += [
        (row, rows.get(row.control))
        for row in rows.values()
        if row.kind == OURS and row.control == CONTROL
    ]
    # What starts from others' weights, beside these frozen and beside what starts at random.
    pairs += [
        (row, rows.get(other))
        for row in rows.values()
        if row.kind == OURS and row.control not in ("", CONTROL)
        for other in (row.control, benchmark.lead.partition(" + ")[0])
    ]
    return {(a.name, b.name): (a, b) for a, b in pairs if a is not None and b is not None}


def sentence(name: str, other: str, by_column: dict[str, PairedDifference]) -> str:
    """Return what is to be said of two lines, for each number of labels."""
    parts: list[str] = []
    for column, difference in by_column.items():
        labels = "" if parts else f" label{'s' if column != '1' else ''} per class"
        parts.append(f"{difference.against('it' if parts else other)} at {column}{labels}")
    return f"{name} is {', '.join(parts)}."


def differences(pair: tuple[Line, Line], benchmark: Benchmark) -> dict[str, PairedDifference]:
    """Return the differences of two lines by number of labels, as far as both have scores."""
    line, other = pair
    return {
        column: paired_difference(line.scores[column], other.scores[column])
        for column in map(str, benchmark.n_labels)
        if column in line.scores and column in other.scores
    }


def mean_differences(
    by_task: Sequence[dict[str, PairedDifference]],
) -> dict[str, PairedDifference]:
    """Return means over data sets, whose draws and seeds are independent of each other."""
    columns = [c for c in by_task[0] if all(c in of_task for of_task in by_task)]
    means = {}
    for column in columns:
        found = [of_task[column] for of_task in by_task]
        error = np.sqrt(sum(difference.error**2 for difference in found)) / len(found)
        means[column] = PairedDifference(np.mean([d.mean for d in found]), error)
    return means


def sentences(lines: Sequence[Line], benchmark: Benchmark) -> Iterator[str]:
    """Yield what is to be said of a table."""
    for (name, other), pair in pairs_of(lines, benchmark).items():
        found = differences(pair, benchmark)
        if found:
            yield sentence(name, other, found)


def mean_sentences(by_task: Tables, benchmark: Benchmark) -> Iterator[str]:
    """Yield what is to be said of all tables together."""
    tables = [pairs_of(lines, benchmark) for lines in by_task.values()]
    for names in tables[0]:
        if all(names in pairs for pairs in tables):
            found = mean_differences([differences(pairs[names], benchmark) for pairs in tables])
            if found:
                yield sentence(*names, found)


def where_chosen(benchmark: Benchmark) -> str:
    """Return the line that tells on which rows or data sets the settings were chosen."""
    return (
        'The settings of each line, and the heads of those with "(chosen)", were chosen for each '
        "number of labels on a quarter of the training rows that was held out, and on no test row. "
        f"Defaults of our methods: {benchmark.defaults}."
    )
