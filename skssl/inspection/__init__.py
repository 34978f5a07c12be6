"""Looking at what was learned: how it compares with what one would do without it."""

from skssl.inspection._apply_labels import apply_labels
from skssl.inspection._atlas import to_embedding_atlas
from skssl.inspection._baselines import classical_baselines
from skssl.inspection._display import FewLabelDisplay
from skssl.inspection._explore import explore
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
    "apply_labels",
    "classical_baselines",
    "draw_labelled",
    "explore",
    "few_label_report",
    "graph_kernel",
    "paired_difference",
    "takes_unlabelled",
    "to_embedding_atlas",
]
