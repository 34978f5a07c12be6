"""Looking at what was learned: how it compares with what one would do without it."""

from skssl.inspection._baselines import classical_baselines
from skssl.inspection._display import FewLabelDisplay
from skssl.inspection._few_labels import few_label_report
from skssl.inspection._paired import PairedDifference, paired_difference
from skssl.inspection._report import FewLabelReport
from skssl.inspection._rows import draw_labelled, takes_unlabelled
from skssl.inspection._steps import NearestNeighbors, Values, graph_kernel

__all__ = [
    "FewLabelDisplay",
    "FewLabelReport",
    "NearestNeighbors",
    "PairedDifference",
    "Values",
    "classical_baselines",
    "draw_labelled",
    "few_label_report",
    "graph_kernel",
    "paired_difference",
    "takes_unlabelled",
]
