"""Warnings and exceptions of this library."""

import sklearn.exceptions


class AdaptationWarning(UserWarning):
    """A pretrained encoder got worse by being adapted, as far as that can be told without labels.

    Two views of a sample are told from those of others less well than before. The message has the
    scores and what to try.
    """


class CollapseWarning(UserWarning):
    """The embedding collapsed: training made all samples alike, or nearly so.

    So may the classes that are guessed for rows without a label in fine-tuning.

    Trainings of less than 50 steps are judged only if the embedding became the same for all
    samples; others also if views are told apart no better than before training.

    The message has what was measured and what to try. :ref:`seen-collapse` says what the numbers
    mean and what else to do.
    """


class InconsistentVersionWarning(sklearn.exceptions.InconsistentVersionWarning):
    """A file was written by another version of this library, which may read it differently.

    A filter for the warning of scikit-learn of this name holds for this one as well.

    Parameters
    ----------
    estimator_name : str
        The class of what was read.
    current_version, original_version : str
        The version that reads, and the one that wrote.
    """

    def __init__(self, *, estimator_name: str, current_version: str, original_version: str):
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=current_version,
            original_sklearn_version=original_version,
        )
        self.current_version = current_version
        self.original_version = original_version

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was saved by skssl {self.original_version} and is read by "
            f"{self.current_version}, which may interpret it differently. Fit it again, or "
            "read it with the version that wrote it."
        )


class ModalityWarning(UserWarning):
    """Samples may be something else than what ``modality="auto"`` takes them for.

    Or a column of a table may be something else than the categories that it is taken for. The
    message says what else, and what to write; writing what it is taken for ends the warning.
    """


class NonFiniteLossError(FloatingPointError):
    """The loss of a training step, or what the last step left, became NaN or infinite.

    The estimator is what it was before. The message has the step and what to try.
    """


class PretextTaskWarning(UserWarning):
    """A pretext task taught nothing: it was solved at once, or it could not be solved at all.

    A task that is solved within the first epoch has a shortcut, such as the edges of pieces; one
    that stays at chance has no answer in the samples. The message has the accuracy and what to
    try.
    """


class RandomWeightsWarning(UserWarning):
    """A trained model has no better score than the same one with random weights.

    Either the training taught nothing that the score sees, or this score is not suited to choosing
    here. The message has both scores, and the likely reason.
    """


class TrainingInterrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C in a training of which at least one step was done.

    The step that was under way was finished, and the estimator is fitted with what was learned so
    far, as a whole. The message says how far it came.
    """
