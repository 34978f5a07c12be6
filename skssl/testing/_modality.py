"""What holds for every modality: of its steps, and of each thing that it can do beyond them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn

from skssl._types import Samples
from skssl.modality import (
    Cuttable,
    Fillable,
    Forecastable,
    Imputable,
    Modality,
    Restorable,
    Surrounded,
    Timed,
    Tokenizable,
    Turnable,
)
from skssl.testing._checks import take
from skssl.views import Views

_WIDTH = 16


def fitted_to(modality: Modality, X: Samples) -> tuple[Modality, Tensor]:
    """Return a copy of a modality that is fitted to `X`, and the prepared samples."""
    fitted: Modality = pickle.loads(pickle.dumps(modality))
    loaded, _ = fitted.load(X)
    checked = fitted.check(loaded, estimator="check_modality", min_samples=2)
    return fitted.fit(checked), fitted.prepare(checked)


def steps_fit_together(modality: Modality, X: Samples) -> None:
    """Check that rows are prepared alone as together, and have views and encoders."""
    fitted, samples = fitted_to(modality, X)
    assert len(samples) == len(X), f"{len(samples)} prepared samples of {len(X)}"
    assert samples.device.type == "cpu"
    again: Modality = pickle.loads(pickle.dumps(fitted))
    some = again.prepare(again.check(again.load(take(X, [1, 0]))[0], estimator="check_modality"))
    width = some.shape[-1]
    assert torch.equal(
        torch.nan_to_num(some.float()), torch.nan_to_num(samples[[1, 0]][..., :width].float())
    ), "rows are prepared differently among others"
    shown = fitted.input_layer()(samples)
    assert len(shown) == len(samples)
    views = fitted.default_views()
    assert isinstance(views, Views)
    (view,) = views.draw(shown, 1, generator=torch.Generator().manual_seed(0))
    assert len(view) == len(samples), "a view has another number of samples"
    for name in ("auto", *fitted.encoder_names()[:2]):
        encoder = fitted.build_encoder(name, samples).eval()
        with torch.no_grad():
            embedding = encoder(view)
        shape = tuple(embedding.shape)
        assert embedding.ndim == 2 and len(embedding) == len(X), f"{name!r} gives {shape}"
    stem = fitted.stem()
    assert stem is None or isinstance(stem, nn.Module)


def bad_samples_are_refused(modality: Modality, X: Samples) -> None:
    """Check that what are no samples is an error that names `X`."""
    refused: Any
    for refused in (3, None, [], np.zeros((2, 2), dtype=complex), {"a": 1}):
        try:
            loaded, _ = modality.load(refused)
            modality.check(loaded, estimator="check_modality")
        except (ValueError, TypeError) as error:
            assert "X" in str(error) or "sample" in str(error), f"{error} does not name X"
        else:
            raise AssertionError(f"check takes {refused!r}")


def can_be_restored(modality: Modality, X: Samples) -> None:
    """Check that what was prepared can be given back as it was."""
    fitted, samples = fitted_to(modality, X)
    restored = Restorable.of(fitted).restore(samples, X)
    if isinstance(X, np.ndarray) and X.dtype.kind in "iuf":
        array = np.asarray(restored)
        assert array.shape == X.shape, f"{X.shape} comes back as {array.shape}"
        scale = np.nanmax(np.abs(X)) or 1.0
        assert_allclose(array, X, rtol=1e-4, atol=1e-5 * scale, err_msg="restored otherwise")
    layer = fitted.input_layer()
    values = Restorable.of(fitted).unscale(layer(samples), samples)
    assert values.shape == samples.shape, "unscale gives another shape"


def can_be_turned(modality: Modality, X: Samples) -> None:
    """Check that the first turn is none, and no two of them are the same."""
    fitted, samples = fitted_to(modality, X)
    shown = fitted.input_layer()(samples)
    turned = [turn(shown) for turn in Turnable.of(fitted).turns()]
    assert torch.equal(turned[0], shown), "the first turn is not the sample itself"
    assert len(turned) > 1 and not any(torch.equal(shown, other) for other in turned[1:])


def can_be_cut(modality: Modality, X: Samples) -> None:
    """Check that pieces that stay where they are leave a sample as it is; moved ones come back."""
    fitted, samples = fitted_to(modality, X)
    cutter = Cuttable.of(fitted).cutter()
    cutter.check(samples, "check_modality")
    order = torch.randperm(cutter.n_pieces, generator=torch.Generator().manual_seed(0))
    orders = order.expand(len(samples), -1)
    same = torch.arange(cutter.n_pieces).expand(len(samples), -1)
    kept = cutter.rearrange(samples, same)
    moved = cutter.rearrange(kept, orders)
    back = cutter.rearrange(moved, orders.argsort(dim=1))
    assert moved.shape == samples.shape
    assert_allclose(back.numpy(), kept.numpy(), rtol=1e-4, atol=1e-5, err_msg="pieces are lost")


def has_surroundings(modality: Modality, X: Samples) -> None:
    """Check that there is a piece in the middle, and others around it."""
    fitted, samples = fitted_to(modality, X)
    cutter = Surrounded.of(fitted).surroundings()
    cutter.check(samples, "check_modality")
    assert cutter.n_pieces % 2 == 1, f"{cutter.n_pieces} pieces have none in the middle"


def has_time(modality: Modality, X: Samples) -> None:
    """Check that every sample has steps along the axis of index 2, and clips."""
    fitted, samples = fitted_to(modality, X)
    shown = fitted.input_layer()(samples)
    steps = Timed.of(fitted).time_steps(shown)
    assert steps.shape == (len(samples),)
    assert 1 <= int(steps.min()) and int(steps.max()) <= shown.shape[2]
    assert Timed.of(fitted).clip_cutter(2).n_pieces == 2


def has_tokens(modality: Modality, X: Samples) -> None:
    """Check that samples become tokens of the width that is asked for."""
    fitted, samples = fitted_to(modality, X)
    tokenizer = Tokenizable.of(fitted).tokenizer(samples, patch_size="auto", width=_WIDTH)
    pieces = tokenizer.split(fitted.input_layer()(samples))
    tokens = tokenizer.embed(pieces)
    assert tokens.shape[0] == len(samples) and tokens.shape[2] == _WIDTH


def can_be_filled(modality: Modality, X: Samples) -> None:
    """Check that what is hidden is filled in, and everything else is as it was."""
    from skssl import MaskedAutoencoder

    ssl = MaskedAutoencoder(
        modality=modality,
        width=_WIDTH,
        depth=1,
        n_heads=2,
        decoder_width=_WIDTH,
        max_epochs=1,
        device="cpu",
        random_state=0,
    ).fit(X)
    if isinstance(ssl.modality_, Imputable):
        samples, _ = ssl.prepare_samples(X)
        filled, _ = ssl.prepare_samples(ssl.impute(X))
        left = ssl.modality_.missing(filled) & ~ssl.modality_.missing(samples)
        assert not left.any(), "imputing has made gaps"
        return
    filled = ssl.reconstruct(X, "random")
    assert len(filled) == len(X)
    if isinstance(ssl.modality_, Forecastable):
        assert ssl.forecast(X, 1).shape[0] == len(X)


#: What is checked of a modality that is of a class.
MODALITY_CHECKS: tuple[tuple[type[Modality], Callable[[Modality, Samples], None]], ...] = (
    (Modality, steps_fit_together),
    (Modality, bad_samples_are_refused),
    (Restorable, can_be_restored),
    (Turnable, can_be_turned),
    (Cuttable, can_be_cut),
    (Surrounded, has_surroundings),
    (Timed, has_time),
    (Tokenizable, has_tokens),
    (Fillable, can_be_filled),
)
