"""Looking at what was learned: how it compares with what one would do without it."""

from skssl.inspection._baselines import classical_baselines
from skssl.inspection._display import FewLabelDisplay
from skssl.inspection._few_labels import few_label_report
from skssl.inspection._report import FewLabelReport

__all__ = ["FewLabelDisplay", "FewLabelReport", "classical_baselines", "few_label_report"]
