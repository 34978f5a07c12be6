"""What a method, a modality, views, an encoder by name or a metric of your own are made of.

These names, and what their documentation says of them, follow semantic versioning: they change with
a new major version only, after a warning. skssl's own methods and modalities are made of the same.

- A **method** is a subclass of :class:`SelfSupervisedTransformer` with a ``make_objective``. Its
  parameters are declared with :func:`param`. What it trains is an :class:`Objective`, such as a
  :class:`PairObjective` with a loss of your own.
- A **modality** is a subclass of :class:`Modality`, or of those of its subclasses that say what can
  be done beyond the minimum, such as :class:`Timed` and :class:`Fillable`.
  :func:`register_modality` lets ``modality="auto"`` know it.
- **Views** are a subclass of :class:`Views`.
- An **encoder by name** is a function that is handed to :func:`register_encoder`.
- A **metric** is a function of an embedding, of which :class:`EmbeddingScorer` makes a scorer.

:func:`apply_network` runs a trained network over samples, and :mod:`skssl.testing` checks what you
have written.

What a method and a modality are handed when they are set up are training samples, some or all of
them; where it matters how many there are, the number is passed apart. ``prepare`` works on any
block of rows. A loss gets the projections of a whole batch, of all processes that train together.
"""

from skssl._declare import (
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    Declared,
    HasMethods,
    Interval,
    Range,
    Shape,
    StrOptions,
    param,
    resolve_auto,
)
from skssl._runner import apply_network
from skssl.base import SelfSupervisedTransformer
from skssl.modality import (
    Cuttable,
    Cutter,
    Fillable,
    Filmed,
    Forecastable,
    Imputable,
    Look,
    Modality,
    Paintable,
    PieceCutter,
    Restorable,
    Stored,
    Surrounded,
    Timed,
    Tokenizable,
    Turnable,
    Worded,
    as_samples,
    as_tensor,
    check_numbers,
    register_encoder,
    register_modality,
)
from skssl.model_selection import EmbeddingScorer
from skssl.nn import (
    DrawViews,
    FillingTokenizer,
    MultiViewObjective,
    Objective,
    PairObjective,
    Plan,
    Queue,
    Teacher,
    Tokenizer,
    apply_by_size,
    in_shares,
    mlp_head,
)
from skssl.views import Views

__all__ = [
    "FRACTION",
    "NOT_NEGATIVE",
    "POSITIVE",
    "POSITIVE_INT",
    "Cuttable",
    "Cutter",
    "Declared",
    "DrawViews",
    "EmbeddingScorer",
    "Fillable",
    "FillingTokenizer",
    "Filmed",
    "Forecastable",
    "HasMethods",
    "Imputable",
    "Interval",
    "Look",
    "Modality",
    "MultiViewObjective",
    "Objective",
    "Paintable",
    "PairObjective",
    "PieceCutter",
    "Plan",
    "Queue",
    "Range",
    "Restorable",
    "SelfSupervisedTransformer",
    "Shape",
    "Stored",
    "StrOptions",
    "Surrounded",
    "Teacher",
    "Timed",
    "Tokenizable",
    "Tokenizer",
    "Turnable",
    "Views",
    "Worded",
    "apply_by_size",
    "apply_network",
    "as_samples",
    "as_tensor",
    "check_numbers",
    "in_shares",
    "mlp_head",
    "param",
    "register_encoder",
    "register_modality",
    "resolve_auto",
]
