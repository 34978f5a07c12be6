"""Encoders, and linear heads on them, as files that other runtimes serve."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

import skssl
from skssl._quote import quoted
from skssl._runner import with_same_weights
from skssl._settings import own_settings
from skssl.base import SelfSupervisedTransformer
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor, LabeledOnly

_PROBABLE = (LogisticRegression, LogisticRegressionCV)
_DECIDING = (RidgeClassifier, RidgeClassifierCV)
_PREDICTING = (LinearRegression, Ridge, RidgeCV)
_HEADS = (*_PROBABLE, *_DECIDING, *_PREDICTING)


def to_onnx(estimator: Any, path: str | Path, head: Any = None) -> None:
    """Write a fitted encoder, and a linear head if there is one, into an ONNX file.

    Its input `samples` are what ``modality_.prepare`` returns, in batches of any size; how that is
    made of `X` stands in the file as JSON, in the metadata named "skssl". Its outputs are the
    `embeddings` and, with a head, the `probabilities`, the `decision` or the `prediction`, as the
    head's ``predict_proba``, ``decision_function`` or ``predict`` return them, to within the
    precision of float32. The classes stand in the metadata.

    Parameters
    ----------
    estimator : estimator
        A fitted method; a fitted :class:`~sklearn.pipeline.Pipeline` of a method and the steps of a
        head; or a fitted :class:`~skssl.semi_supervised.FineTuneClassifier` or
        :class:`~skssl.semi_supervised.FineTuneRegressor`.
    path : str or Path
        Where to write. Files with more than 2 GB of parameters have these beside them.
    head : estimator, default=None
        What was fitted to the embeddings of a method:
        :class:`~sklearn.linear_model.LogisticRegression`,
        :class:`~sklearn.linear_model.RidgeClassifier`,
        :class:`~sklearn.linear_model.LinearRegression` or :class:`~sklearn.linear_model.Ridge`,
        also with cross-validation, or a Pipeline of
        :class:`~sklearn.preprocessing.StandardScaler` and one of these, which then stands between
        the method and the head; each may be in a
        :class:`~skssl.semi_supervised.LabeledOnly`.

    Raises
    ------
    ImportError
        Without the packages of ``pip install 'skssl[onnx]'``.
    TypeError, ValueError
        If the estimator or the head is something else, or ONNX has no form for the encoder.
    NotFittedError
        If something is not fitted.

    See Also
    --------
    encoder_only : A copy without the heads, for Python with skssl.

    Notes
    -----
    :ref:`save-onnx` shows how the file is used, with programs that serve texts and tables. The
    graph checks nothing: NaN in an image gives NaN.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skssl import SimCLR
    >>> from skssl.utils import to_onnx
    >>> X, y = load_digits().images, load_digits().target
    >>> ssl = SimCLR(max_epochs=1, random_state=0)
    >>> model = make_pipeline(ssl, LogisticRegression(max_iter=2000)).fit(X, y)
    >>> to_onnx(model, "digits.onnx")  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("digits.onnx")  # doctest: +SKIP
    >>> samples = X[:5, None].astype("float32")
    >>> session.run(["probabilities"], {"samples": samples})[0].shape  # doctest: +SKIP
    (5, 10)
    """
    try:
        import onnxscript  # noqa: F401 - what torch exports with
    except ImportError as error:
        raise ImportError("to_onnx needs more packages: pip install 'skssl[onnx]'.") from error
    method, network, output, classes = _parts(estimator, head)
    about = {
        "skssl": skssl.__version__,
        "method": type(method).__name__,
        "modality": type(method.modality_).__name__,
        "preparation": method.modality_.preparation(),
        "n_features_out": len(method.get_feature_names_out()),
        "classes": None if classes is None else classes.tolist(),
    }
    names = ["embeddings", *([output] if output else [])]
    samples = method.stand_ins()[:3].clone()
    axes = [axis % samples.ndim for axis in method.modality_.varying_axes]
    sizes = dict.fromkeys(axes, "size")
    with own_settings(), warnings.catch_warnings():
        # They are about the exporter's own calls.
        warnings.simplefilter("ignore")
        try:
            program = _export(network, samples, names, {0: "batch"} | sizes)
        except torch.onnx.OnnxExporterError:
            try:
                # The encoder may take samples of one size only.
                program = _export(network, samples, names, {0: "batch"})
            except torch.onnx.OnnxExporterError as error:
                # The exporter's own message is about how to report a bug.
                reason = str(error.__cause__ or error).splitlines()[0]
                raise ValueError(
                    f"encoder={quoted(method.encoder)} of {type(method).__name__} has no form in "
                    f"ONNX: {reason}"
                ) from error
    program.model.metadata_props["skssl"] = json.dumps(about, default=str)
    program.save(path)


def _export(
    network: nn.Module, samples: Tensor, names: list[str], axes: dict[int, str]
) -> torch.onnx.ONNXProgram:
    """Return the graph of a network for samples that may have any size along these axes."""
    program = torch.onnx.export(
        with_same_weights(network),
        (samples,),
        dynamo=True,
        dynamic_shapes=(axes,),
        input_names=["samples"],
        output_names=names,
        verbose=False,
    )
    assert program is not None
    return program


class _WithHead(nn.Module):
    """Embeddings, and what a head makes of them."""

    def __init__(self, encoder: nn.Module, head: nn.Module | None):
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        embeddings = self.encoder(samples)
        return (embeddings,) if self.head is None else (embeddings, self.head(embeddings))


class _Linear(nn.Module):
    """A linear map of embeddings, and what follows it."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: np.ndarray, bias: np.ndarray, *, output: str, flat: bool):
        super().__init__()
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float32))
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.float32))
        self.output = output
        self.flat = flat

    def forward(self, embeddings: Tensor) -> Tensor:
        scores = nn.functional.linear(embeddings, self.weight, self.bias)
        if self.output != "probabilities":
            return scores.squeeze(1) if self.flat else scores
        if self.flat:
            return torch.cat([torch.sigmoid(-scores), torch.sigmoid(scores)], dim=1)
        return scores.softmax(dim=1)


def _parts(
    estimator: Any, head: Any
) -> tuple[SelfSupervisedTransformer, nn.Module, str, np.ndarray | None]:
    """Return the method, the network from samples to answers, what these are, and the classes."""
    if isinstance(estimator, (FineTuneClassifier, FineTuneRegressor)):
        check_is_fitted(estimator)
        if head is not None:
            raise ValueError(f"head={head!r}: {type(estimator).__name__} has a head of its own.")
        answer = nn.Sequential(estimator.head_, estimator.answer_layer())
        network = _WithHead(estimator.encoder_, answer)
        if isinstance(estimator, FineTuneClassifier):
            return estimator.method_, network, "probabilities", estimator.classes_
        return estimator.method_, network, "prediction", None
    method, *steps = _flat(estimator)
    if not isinstance(method, SelfSupervisedTransformer):
        if any(isinstance(step, SelfSupervisedTransformer) for step in steps):
            raise TypeError(
                f"estimator must start with the method, got {type(method).__name__} before it. "
                "Pass the steps from the method on, as in to_onnx(model[1:], path), and give the "
                "graph what the steps before it make of X."
            )
        raise TypeError(
            "estimator must be a fitted self-supervised method, a Pipeline that starts with one, "
            f"a FineTuneClassifier or a FineTuneRegressor, got {quoted(estimator)}."
        )
    check_is_fitted(method)
    steps += [] if head is None else _flat(head)
    if not steps:
        return method, _WithHead(method.encoder_, None), "", None
    linear, classes = _linear(steps, len(method.get_feature_names_out()))
    return method, _WithHead(method.encoder_, linear), linear.output, classes


def _flat(estimator: Any) -> Iterator[Any]:
    """Return the steps of an estimator, which may be a pipeline or in another one."""
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _flat(step)
    elif isinstance(estimator, FrozenEstimator):
        yield from _flat(estimator.estimator)
    elif isinstance(estimator, LabeledOnly):
        check_is_fitted(estimator)
        yield from _flat(estimator.estimator_)
    elif estimator is not None and not isinstance(estimator, str):
        yield estimator


def _linear(steps: list[Any], dim: int) -> tuple[_Linear, np.ndarray | None]:
    """Return the steps of a head as one linear map, and its classes."""
    *scalers, last = steps
    for step in steps:
        allowed = _HEADS if step is last else StandardScaler
        if not isinstance(step, allowed):
            raise TypeError(
                "A head must be LogisticRegression, RidgeClassifier, Ridge or LinearRegression, "
                f"with or without StandardScaler between the method and it, got {step!r}."
            )
        check_is_fitted(step)
    scale, shift = np.ones(dim), np.zeros(dim)
    for scaler in scalers:
        if scaler.mean_ is not None and scaler.with_mean:
            shift = shift - scaler.mean_
        if scaler.scale_ is not None:
            scale, shift = scale / scaler.scale_, shift / scaler.scale_
    coef = np.atleast_2d(np.asarray(last.coef_, dtype=np.float64))
    bias = np.broadcast_to(np.asarray(last.intercept_, dtype=np.float64), len(coef))
    classes = getattr(last, "classes_", None)
    output = "prediction"
    if isinstance(last, _PROBABLE + _DECIDING):
        output = "probabilities" if isinstance(last, _PROBABLE) else "decision"
    flat = len(coef) == 1 if classes is not None else np.ndim(last.coef_) == 1
    weight, bias = coef * scale, bias + coef @ shift
    return _Linear(weight, bias, output=output, flat=flat), classes
