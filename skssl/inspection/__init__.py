"""Looking at what was learned: how it compares with what one would do without it."""

from skssl.inspection._apply_labels import apply_labels
from skssl.inspection._atlas import to_embedding_atlas
from skssl.inspection._baselines import classical_baselines
from skssl.inspection._display import FewLabelDisplay
from skssl.inspection._embedding_display import EmbeddingDisplay
from skssl.inspection._explore import explore
from skssl.inspection._few_labels import few_label_report
from skssl.inspection._neighbors_display import NeighborsDisplay
from skssl.inspection._paired import PairedDifference, paired_difference
from skssl.inspection._reconstruction_display import ReconstructionDisplay
from skssl.inspection._report import FewLabelReport
from skssl.inspection._rows import draw_labelled
from skssl.inspection._steps import NearestNeighbors, graph_kernel
from skssl.inspection._training_display import TrainingDisplay
from skssl.inspection._views_display import ViewsDisplay

__all__ = [
    "EmbeddingDisplay",
    "FewLabelDisplay",
    "FewLabelReport",
    "NearestNeighbors",
    "NeighborsDisplay",
    "PairedDifference",
    "ReconstructionDisplay",
    "TrainingDisplay",
    "ViewsDisplay",
    "apply_labels",
    "classical_baselines",
    "draw_labelled",
    "explore",
    "few_label_report",
    "graph_kernel",
    "paired_difference",
    "to_embedding_atlas",
]
