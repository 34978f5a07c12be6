"""A classifier that is fine-tuned from a self-supervised method."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Self

import numpy as np
import torch.nn.functional as F
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from torch import Tensor, nn

from skssl._declare import (
    AUTO,
    BELOW_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE_INT,
    StrOptions,
    param,
    resolve_auto,
)
from skssl._labels import as_labels, check_class_labels
from skssl._sklearn_compat import fit_context
from skssl._types import Auto, Samples
from skssl.semi_supervised._base import FineTuner
from skssl.semi_supervised._classes import score_labeled
from skssl.semi_supervised._guesses import warn_of_few_classes
from skssl.semi_supervised._head import fit_classifier_head
from skssl.semi_supervised._objectives import (
    FixMatchObjective,
    PseudoLabelObjective,
    SupervisedObjective,
)
from skssl.semi_supervised._rows import Labels

_FEWEST_PER_CLASS = 50
# Guesses for all rows keep the encoder from forgetting what it knows, as a low rate does otherwise.
_RATE_OF_FIXMATCH = 2e-3
_UNLABELED_WEIGHTS = {"pseudo_label": 3.0, "fixmatch": 1.0}


class FineTuneClassifier(ClassifierMixin, FineTuner):
    """Classify by a self-supervised encoder that is trained on together with a linear head.

    The encoder is pretrained on all rows, or comes from a fitted method. First a logistic
    regression is fitted to the frozen, standardised embeddings of the labelled rows, which is
    where the head starts. Then head and encoder learn together, early layers at a lower rate than
    late ones. With few labels, a frozen embedding is hard to beat, and the encoder hardly moves;
    from some dozens of labels per class on, fine-tuning pays. Rows without a label can be learned
    from as well (`semi_supervised`), which takes about as long as the pretraining, and pays with
    few labels where the views leave the classes alone and the frozen embedding is right more often
    than not; otherwise, errors are learned.

    Parameters
    ----------
    semi_supervised : {"none", "pseudo_label", "fixmatch"}, default="none"
        How rows without a label are used after the pretraining: not at all; each learns the class
        that it seems to have (Lee 2013); or a view of it learns the class that a mild view, which
        hardly changes the sample, has with a probability of at least `threshold` (FixMatch).
        Labelled rows are among them, without their labels.
    threshold : float, default=0.95
        How probable a class must be for FixMatch to learn it, in [0, 1].
    unlabeled_ratio : int, default=3
        Unlabelled rows in a batch for each of `batch_size` labelled ones, at least 1. The
        paper has 7; fewer leave time for more steps.
    unlabeled_weight : float, default="auto"
        Weight of their loss. "auto" is 1 for FixMatch and 3 for pseudo-labels, for which it rises
        from 0 between a tenth and six tenths of the training.
    label_smoothing : float, default=0.0
        Share of the target that is spread over all classes, in [0, 1).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without what stands for a missing label.

    See Also
    --------
    FineTuneRegressor : For numbers instead of classes.
    PrototypeClassifier : For frozen embeddings and a label or two for each class.

    Notes
    -----
    ``early_stopping="auto"`` stops early if there are at least 50 labels of each class.

    "fixmatch" has the loss of FixMatch, with the method's mild views for the weak ones, and not the
    rest of its recipe: it starts from a pretrained encoder, and predictions are those of the
    weights after the last step, while the authors' are those of an exponential moving average of
    the weights (0.999). "pseudo_label" has Lee's loss and the rise of its weight: the class that a
    row seems to have in a step is what it learns in that step. Lee's network has dropout and starts
    from a denoising autoencoder; here it is the pretrained encoder as it is.

    Guesses that gather in far fewer classes than the labels do are a
    :class:`~skssl.exceptions.CollapseWarning`.

    BatchNorm layers keep the statistics of the pretraining.

    References
    ----------
    Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence",
    NeurIPS 2020. https://arxiv.org/abs/2001.07685

    Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
    Networks", ICML 2013 Workshop on Challenges in Representation Learning.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.semi_supervised import FineTuneClassifier
    >>> digits = load_digits()
    >>> X, y = digits.images[:300], digits.target[:300].copy()
    >>> y[100:] = -1  # the labels of these rows are not known
    >>> method = SimCLR(max_epochs=3)
    >>> clf = FineTuneClassifier(method, max_epochs=3, random_state=0).fit(X, y)
    >>> clf.predict(digits.images[300:]).shape
    (1497,)
    """

    semi_supervised: str = param(StrOptions({"none", "pseudo_label", "fixmatch"}), default="none")
    threshold: float = param(FRACTION, default=0.95)
    unlabeled_ratio: int = param(POSITIVE_INT, default=3)
    unlabeled_weight: Auto[float] = param(AUTO, NOT_NEGATIVE, default="auto")
    label_smoothing: float = param(BELOW_ONE, default=0.0)
    class_weight: dict[object, float] | Literal["balanced"] | None = param(
        dict, StrOptions({"balanced"}), None, default=None
    )

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X: Samples,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Continue the fine-tuning with one pass over the labelled rows of `X`.

        The first call pretrains, unless the method is fitted, and fits the head. The learning rate
        is constant, and no rows are held out.

        Parameters
        ----------
        X : array-like
            The samples.
        y : array-like of shape (n_samples,)
            Their classes, or `unlabeled`.
        classes : array-like of shape (n_classes,), default=None
            All classes that any call will have; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            How much labelled rows count.

        Returns
        -------
        self : object
            The fitted classifier.
        """
        if classes is None and not hasattr(self, "encoder_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: Samples) -> np.ndarray:
        """Return the logits of the classes.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes, float32
            For two classes, how much the logit of the second is larger than that of the first.
        """
        logits = self._outputs(X).numpy()
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Samples) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            In the order of ``classes_``.
        """
        return self._outputs(X).softmax(dim=1).numpy()

    def predict(self, X: Samples) -> np.ndarray:
        """Return the most probable classes.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        best = self._outputs(X).argmax(dim=1).numpy()
        return self.classes_[best]

    def score(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy on the rows that have a label.

        Parameters
        ----------
        X : array-like
            Samples of the kind that was seen in `fit`.
        y : array-like of shape (n_samples,)
            Their classes, or `unlabeled`.
        sample_weight : array-like of shape (n_samples,), default=None
            How much rows count.

        Returns
        -------
        float
        """
        return score_labeled(self, accuracy_score, X, y, sample_weight)

    def _targets(
        self, y: np.ndarray, known: np.ndarray, *, reset: bool, classes: ArrayLike | None = None
    ) -> np.ndarray:
        found = y[known]
        check_class_labels(found)
        if reset or classes is not None:
            all_classes = found if classes is None else as_labels(classes, name="classes")
            encoder = LabelEncoder().fit(all_classes)
            if not reset and not np.array_equal(encoder.classes_, self.classes_):
                raise ValueError(
                    f"classes={classes!r} are not those of the first call to partial_fit, "
                    f"{self.classes_!r}."
                )
            if len(encoder.classes_) < 2:
                raise ValueError(
                    "y must have at least 2 classes among its labelled rows, got 1 class: "
                    f"{encoder.classes_[0]!r}."
                )
            self.classes_: np.ndarray = encoder.classes_
        else:
            encoder = LabelEncoder().fit(self.classes_)
        targets = np.zeros(len(y), dtype=np.int64)
        targets[known] = encoder.transform(found)
        return targets

    def _class_weights(self, y: np.ndarray) -> np.ndarray:
        return compute_sample_weight(self.class_weight, y)

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def answer_layer(self) -> nn.Module:
        """Return what turns the outputs of ``head_`` into probabilities."""
        return nn.Softmax(dim=1)

    def _fit_head(
        self, scaler: StandardScaler, Z: np.ndarray, targets: np.ndarray, weights: np.ndarray
    ) -> nn.Module:
        return fit_classifier_head(scaler, Z, targets, weights, len(self.classes_))

    def _strata(self, targets: np.ndarray) -> np.ndarray:
        (alone,) = np.nonzero(np.bincount(targets) == 1)
        if len(alone):
            raise ValueError(
                "early_stopping=True keeps labels of every class from being learned, but class "
                f"{self.classes_[alone].tolist()[0]!r} has one label only. Set it to False, or to "
                "'auto', which stops early where there are enough labels."
            )
        return targets

    def _has_enough(self, targets: np.ndarray) -> bool:
        counts = np.bincount(targets, minlength=len(self.classes_))
        return bool(counts.min() >= _FEWEST_PER_CLASS)

    def _auto_rate(self, labels: Labels) -> float:
        is_fixmatch = self.semi_supervised == "fixmatch"
        return _RATE_OF_FIXMATCH if is_fixmatch else super()._auto_rate(labels)

    def _conclude(self, samples: Tensor, labels: Labels) -> None:
        if self.semi_supervised != "none" and self.n_iter_ and labels.others.any():
            warn_of_few_classes(
                self._outputs_of(samples[labels.others]).argmax(dim=1).numpy(),
                labels.targets[labels.known],
                self.classes_,
                caller=type(self).__name__,
                how=self.semi_supervised,
            )

    def _n_others(self) -> int:
        return 0 if self.semi_supervised == "none" else self.unlabeled_ratio * self.batch_size

    def _make_objective(
        self, encoder: nn.Module, targets: Tensor, weights: Tensor
    ) -> SupervisedObjective:
        parts = (encoder, self.head_, targets, weights)
        loss = partial(F.cross_entropy, reduction="none", label_smoothing=self.label_smoothing)
        if self.semi_supervised == "none":
            return SupervisedObjective(*parts, loss=loss, augment=self.augment)
        weight = resolve_auto(self.unlabeled_weight, _UNLABELED_WEIGHTS[self.semi_supervised])
        kind: Callable[..., SupervisedObjective] = PseudoLabelObjective
        if self.semi_supervised == "fixmatch":
            kind = partial(FixMatchObjective, threshold=self.threshold)
        return kind(
            *parts, loss=loss, augment=self.augment, n_others=self._n_others(), weight=weight
        )
