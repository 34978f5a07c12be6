"""What parts of a user's own have to be, looked at once before a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from skssl._quote import quoted
from skssl.modality import MODALITIES
from skssl.nn import Embedding, Objective
from skssl.views import Views, draw_views, name_of_views


def check_objective(objective: object, encoder: nn.Module, *, title: str) -> Objective:
    """Return what ``make_objective`` gave, if it trains the encoder that this was handed."""
    returned = f"{title}.make_objective returned {quoted(objective)}"
    if not isinstance(objective, Objective):
        raise TypeError(
            f"{returned}; it has to be an Objective, such as PairObjective(encoder, projector, "
            "loss, together=True)."
        )
    trained = {id(p) for p in objective.encoder.parameters()}
    left_out = [name for name, p in encoder.named_parameters() if id(p) not in trained]
    if left_out:
        raise ValueError(
            f"{title}.make_objective returned a {type(objective).__name__} whose encoder lacks "
            f"{left_out[0]!r} of the encoder that it was given. This one is what transform runs: "
            "pass it on as it is, and put networks of your own behind it, into the projector."
        )
    return objective


@contextmanager
def unchanged_parameters(read: Callable[[], Mapping[str, object]], *, title: str) -> Iterator[None]:
    """Raise an error if code of a user's has changed parameters of an estimator."""
    before = read()
    yield
    for name, value in read().items():
        if value is not before[name]:
            raise TypeError(
                f"{title}.make_objective changed the parameter {name} from {quoted(before[name])} "
                f"to {quoted(value)}. fit changes no parameter: keep what is found as self.{name}_."
            )


def are_own(views: Views) -> bool:
    """Whether views are of a class that is none of ours."""
    return type(views) not in {kind.views_class for kind in MODALITIES}


def check_views(
    views: Views, embedding: Embedding, samples: Tensor, *, encoder: str, seed: int
) -> None:
    """Raise an error if an encoder can do nothing with views, or not what it does with samples."""
    from skssl.training import ran_out_of_memory

    shown = embedding.prepare(samples)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        (view,) = draw_views(views, shown, 1, generator=generator)
    if view.shape == shown.shape and not are_own(views):
        return
    of_sample = _embedded(embedding, shown)
    size, whole = tuple(view.shape[1:]), tuple(shown.shape[1:])
    made = f"{name_of_views(views)} makes views of shape {size} of samples of shape {whole}"
    remedy = "Pass views as large as the samples, or an encoder that takes any size."
    try:
        of_view = _embedded(embedding, view)
    # What a network raises can be anything.
    except Exception as error:
        if ran_out_of_memory(error):
            raise
        raise ValueError(
            f"{made}, and {encoder} cannot embed the views: {type(error).__name__}: "
            f"{str(error).rstrip('.')}. {remedy}"
        ) from error
    if of_view.shape != of_sample.shape:
        raise ValueError(
            f"{encoder} has an output of no fixed size. {made}, of which it makes "
            f"{of_view.shape[1]} and {of_sample.shape[1]} numbers. {remedy}"
        )
    if bool(of_sample.isfinite().all()) and not bool(of_view.isfinite().all()):
        raise ValueError(
            f"{name_of_views(views)} makes views that {encoder} embeds as NaN or infinity, and "
            "not so the samples: look for a division by zero, or a logarithm or root of what may "
            "be negative."
        )


@torch.no_grad()
def _embedded(embedding: Embedding, shown: Tensor) -> Tensor:
    embedded: Tensor = embedding.encoder(shown)
    return embedded
