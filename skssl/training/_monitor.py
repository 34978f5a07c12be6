"""Watching for collapse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from skssl._streams import Stream
from skssl._warn import warn
from skssl.exceptions import AdaptationWarning, CollapseWarning
from skssl.metrics import (
    embedding_std,
    mean_correlation,
    rankme_score,
    view_ranking_score,
    view_retrieval_score,
)
from skssl.training._batches import known_samples
from skssl.training._device import seeded
from skssl.views import draw_views

_MOST_SAMPLES = 256
# Trained samples for each that is looked at: a look is to cost a few hundredths of the time.
_TRAINED_PER_LOOKED = 40
# What happens in fewer steps says little, and some methods need a while to get going.
_FEWEST_STEPS = 50
_PART_BEFORE_WARNING = 1 / 3
# But what training made constant, and a tenth as wide as before at the most, has collapsed.
_CONSTANT, _NARROWER = 0.001, 0.1
# How much lower the scores of an adapted encoder are where it got worse, and not by chance.
_WORSE = 0.02


class _Sign(NamedTuple):
    """A measure that is low after a collapse, if the views are not told apart any better."""

    measure: str
    low: float
    healthy: str
    ranking: str
    # Share of the mistakes in telling views apart that a healthy training corrects at the least.
    corrected: float


# All lie well outside of what healthy trainings end with, from embeddings that end in a ReLU, and
# thus share a direction, to projections that no norm spreads.
_SIGNS = (
    _Sign("embedding_std", 0.1, "above 0.2", "view_ranking", 0.2),
    _Sign("rankme", 2.0, "above 4", "view_ranking", 0.2),
    _Sign("projection_std", 0.5, "near 1", "projection_ranking", 0.03),
)

#: Below which a measure is low enough for a collapse, if views are not told apart any better.
COLLAPSE_LIMITS = {sign.measure: sign.low for sign in _SIGNS}


class Monitor(Callback):
    """Measures the embedding of training samples during the training, and warns of collapse.

    At a look, two views of some training samples are embedded as the learned encoder would. What
    is measured goes to skorch's history. The same samples and views are taken at every look of a
    training, and none of the training's random numbers.

    Collapse is when the embedding or the projection became narrow, or the embedding flat, *and*
    the two views of a sample are told from those of other samples hardly better than before
    training. Either alone also happens in healthy runs: by what all samples have in common, by
    heads that leave a mean in the projection, or by views that say little. The projection has to
    be looked at since BatchNorm keeps the embedding wide while the head collapses behind it.

    Trainings of less than 50 steps are judged at their end, and only if all became the same.

    Parameters
    ----------
    title : str
        The name of the method.
    remedy : str
        What to try if it collapses, as a sentence. None never warns.
    """

    # A checkpoint has it as a part of what is fitted.
    in_net_state = False

    def __init__(self, title: str, remedy: str | None):
        self.title = title
        self.remedy = remedy
        self.at_start: dict[str, float] = {}
        self.latest: dict[str, float] = {}
        self.n_steps = 0
        self.n_trained = 0
        self.looked_at: int | None = None
        self.symptoms: list[str] = []
        self.has_warned = False

    def __getstate__(self) -> dict[str, object]:
        # What is fitted keeps no samples, and neither does a checkpoint.
        return {name: value for name, value in vars(self).items() if name != "samples_"}

    def on_train_begin(self, net: NeuralNet, X: Tensor | Stream, **kwargs: object) -> None:
        if not net.max_epochs:
            return
        known = known_samples(X)
        order = torch.randperm(len(known), generator=torch.Generator().manual_seed(net.seed))
        self.samples_ = known[order[:_MOST_SAMPLES].to(known.device)].to(net.device)
        if not self.at_start:
            self.at_start = self._measure(net)

    def on_batch_end(self, net: NeuralNet, batch: Tensor, **kwargs: object) -> None:
        self.n_steps += 1
        self.n_trained += len(batch)

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        is_last = not net.constant_rate and len(net.history) == net.max_epochs
        wait = _TRAINED_PER_LOOKED * len(self.samples_)
        if is_last or self.looked_at is None or self.n_trained - self.looked_at >= wait:
            self._look(net)
        self._record(net)

    def on_train_end(self, net: NeuralNet, **kwargs: object) -> None:
        if net.stopped_by_callback_ and net.steps_done_ and self.looked_at != self.n_trained:
            self._look(net)
            self._record(net)
        # A fitted estimator keeps its monitor, but no samples.
        self.__dict__.pop("samples_", None)

    def conclude(self) -> None:
        """Warn if the training ends collapsed, unless that was noticed before."""
        self._warn(self.symptoms)

    def warn_if_worse(self) -> None:
        """Warn if views are told apart less well than before, which some encoders could already."""
        scores = ("view_retrieval", "view_ranking")
        if self.remedy is None or self.n_steps < _FEWEST_STEPS or not self.latest:
            return
        if all(self.latest[score] < self.at_start[score] - _WORSE for score in scores):
            said = [
                f"{score} is {self.latest[score]:.3f} and was {self.at_start[score]:.3f}"
                for score in scores
            ]
            warn(
                f"{self.title}: the encoder got worse by being adapted, as far as that can be told "
                f"without labels: {', '.join(said)} before. Try a smaller learning_rate, "
                "freeze=0.5, a lora_rank, or milder views; max_epochs=0 leaves it as it was.",
                AdaptationWarning,
            )

    def _record(self, net: NeuralNet) -> None:
        # Every row has the values: skorch's callbacks stumble over a key that comes and goes.
        for name, value in self.latest.items():
            net.history.record(name, value)

    def _look(self, net: NeuralNet) -> None:
        self.latest = self._measure(net)
        self.looked_at = self.n_trained
        before, self.symptoms = self.symptoms, self._diagnose()
        is_late = net.constant_rate or net.steps_done_ >= _PART_BEFORE_WARNING * net.steps
        if before and is_late and self.n_steps >= _FEWEST_STEPS:
            self._warn(self.symptoms)

    def _measure(self, net: NeuralNet) -> dict[str, float]:
        embedding, projection = self._embed(net)
        views = embedding.chunk(2)
        measured = {
            "embedding_std": _or_nan(embedding_std, embedding),
            "mean_correlation": _or_nan(mean_correlation, embedding),
            "rankme": _or_nan(rankme_score, embedding),
            "view_retrieval": _or_nan(view_retrieval_score, *views),
            "view_ranking": _or_nan(view_ranking_score, *views),
        }
        if projection is not None:
            measured["projection_std"] = _or_nan(embedding_std, projection)
            measured["projection_ranking"] = _or_nan(view_ranking_score, *projection.chunk(2))
        return measured

    @torch.no_grad()
    def _embed(self, net: NeuralNet) -> tuple[Tensor, Tensor | None]:
        """Embed and project the first views of the samples, then their second views."""
        objective, device = net.module_, torch.device(net.device)
        generator = torch.Generator(device).manual_seed(net.seed)
        n_parts = math.ceil(len(self.samples_) / net.batch_size)
        outputs: tuple[list[tuple[Tensor, Tensor | None]], ...] = ([], [])
        was_training = objective.training
        objective.eval()
        torch.clear_autocast_cache()
        try:
            # A user's own views may draw from torch's global generator.
            with seeded(net.seed, device):
                for samples in self.samples_.tensor_split(n_parts):
                    with torch.autocast(device.type, torch.bfloat16, enabled=net.autocast):
                        batch = net.input_layer(samples)
                        with torch.autocast(device.type, enabled=False):
                            views = draw_views(net.views, batch, 2, generator=generator)
                        for view, output in zip(views, outputs, strict=True):
                            output.append(objective.embed(view))
        finally:
            objective.train(was_training)
        embeddings, projections = zip(*outputs[0], *outputs[1], strict=True)
        projected = [projection for projection in projections if projection is not None]
        return torch.cat(embeddings).float(), torch.cat(projected).float() if projected else None

    def _diagnose(self) -> list[str]:
        """Describe what shows a collapse; nothing if there is none."""
        start, now = self.at_start, self.latest
        narrow: dict[str, list[str]] = {}
        for sign in _SIGNS:
            name, ranking = sign.measure, sign.ranking
            if name not in now or not now[name] < self._limit(sign):
                continue
            if 1 - now[ranking] > (1 - sign.corrected) * (1 - start[ranking]):
                said = f"{name} is {now[name]:.3f} (healthy: {sign.healthy})"
                narrow.setdefault(ranking, []).append(said)
        return [
            f"{', '.join(said)} and {ranking} {now[ranking]:.3f} ({start[ranking]:.3f} before "
            "training; healthy: higher)"
            for ranking, said in narrow.items()
        ]

    def _limit(self, sign: _Sign) -> float:
        """Return below which value a measure is that of a collapse."""
        if self.n_steps >= _FEWEST_STEPS:
            return sign.low
        return min(_CONSTANT, _NARROWER * self.at_start[sign.measure])

    def _warn(self, symptoms: list[str]) -> None:
        if not symptoms or self.has_warned or self.remedy is None:
            return
        self.has_warned = True
        warn(
            f"{self.title}: the embedding collapsed, its samples can hardly be told apart. After "
            f"{self.n_steps} steps, {'; '.join(symptoms)}. {self.remedy}",
            CollapseWarning,
        )


def _or_nan(score: Callable[..., float], *embeddings: Tensor) -> float:
    finite = all(bool(embedding.isfinite().all()) for embedding in embeddings)
    return score(*embeddings) if finite else math.nan
