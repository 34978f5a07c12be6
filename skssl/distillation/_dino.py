"""DINO."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skssl._declare import (
    AUTO,
    FRACTION,
    NOT_NEGATIVE_INT,
    POSITIVE,
    POSITIVE_INT,
    param,
    resolve_auto,
)
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import dino
from skssl.nn import DrawViews, Objective, Prototypes, TaughtObjective, apply_by_size, mlp_head

# The authors' shares of a training: the teacher's temperature rises in the first 30 of 100 epochs,
# and the prototypes stand still in the first one.
_WARMUP, _FROZEN = 0.3, 0.01


class _DINOObjective(TaughtObjective):
    center: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        prototypes: Prototypes,
        *,
        n_local_views: int,
        momentum: float,
        center_momentum: float,
        student_temperature: float,
        teacher_temperatures: tuple[float, float],
    ):
        super().__init__(encoder, projector, prototypes, momentum=momentum)
        self.prototypes = prototypes
        self.register_buffer("center", torch.zeros(len(prototypes.weight)))
        self.n_local_views = n_local_views
        self.center_momentum = center_momentum
        self.student_temperature = student_temperature
        self.teacher_temperatures = teacher_temperatures
        self.progress = 0.0

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, 2)
        local = draw_views(batch, self.n_local_views, kind="local")
        student = apply_by_size(self._student, views, local)
        teacher = apply_by_size(self.teacher, views)
        start, end = self.teacher_temperatures
        loss = dino(
            student,
            teacher,
            center=self.center,
            student_temperature=self.student_temperature,
            teacher_temperature=start + (end - start) * min(1.0, self.progress / _WARMUP),
        )
        # The centre moves after the loss: what it is compared with does not change under it.
        self.center = torch.lerp(teacher.mean(dim=(0, 1)), self.center, self.center_momentum)
        return loss

    def _student(self, views: Tensor) -> Tensor:
        projections = self.projector(self.encoder(views))
        return self.prototypes(projections, frozen=self.progress < _FROZEN)

    def after_step(self, progress: float) -> None:
        self.progress = progress
        super().after_step(progress)


class DINO(SelfSupervisedTransformer):
    """Self-distillation without labels: sort views into groups as a slow copy of the network does.

    The network scores its views against prototypes, and learns to give the scores that a teacher,
    its moving average, gives the other large view. The teacher's scores are centred, so that no
    group takes all, and sharpened, so that they do not become even. With local views, which show a
    small part, the network learns to tell the whole from a part. It was made for vision
    transformers and long trainings.

    Parameters
    ----------
    n_prototypes : int, default=512
        Number of groups; the paper has 65536.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones; the paper has 8. More cost
        more and help.
    student_temperature : float, default=0.1
        Divides the student's scores.
    teacher_temperature : float, default=0.04
        Divides the teacher's scores; lower than the student's.
    warmup_teacher_temperature : float, default=0.04
        What the teacher's temperature starts from; it changes over the first 30 % of the training.
        Lower it, if the loss does not fall at the start.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
        Closer to 1 for longer trainings; the paper has 0.996.
    center_momentum : float, default=0.9
        What the centre of the teacher's scores keeps of itself in a step.
    projector_dim : int, default=128
        Size of what is compared with the prototypes.
    projector_hidden_dim : int, default="auto"
        Width of the projector's two hidden layers. "auto" is twice the size of the embedding.

    See Also
    --------
    SwAV : Also with prototypes, with assignments in place of a teacher.

    Notes
    -----
    As in the authors' code, the projector has three layers with GELU and no BatchNorm, what it
    gives and the prototypes are normalised, and the prototypes stand still in the first hundredth
    of the training. The learned encoder is the student; the paper uses the teacher, which in a
    training of a few hundred steps still holds a part of its random start.

    References
    ----------
    Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021.
    https://arxiv.org/abs/2104.14294

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import DINO
    >>> X = load_digits().images[:100]
    >>> ssl = DINO(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_prototypes: int = param(POSITIVE_INT, default=512)
    n_local_views: int = param(NOT_NEGATIVE_INT, default=2)
    student_temperature: float = param(POSITIVE, default=0.1)
    teacher_temperature: float = param(POSITIVE, default=0.04)
    warmup_teacher_temperature: float = param(POSITIVE, default=0.04)
    momentum: float = param(FRACTION, default=0.99)
    center_momentum: float = param(FRACTION, default=0.9)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = (
        "Try a lower teacher_temperature if all groups become alike, a lower center_momentum if "
        "one group takes all, and more n_local_views."
    )

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head(
            [embedding_dim, hidden, hidden, self.projector_dim],
            norm=False,
            activation=nn.GELU,
            last_norm=False,
            last_bias=True,
        )
        return _DINOObjective(
            encoder,
            projector,
            Prototypes(self.projector_dim, self.n_prototypes),
            n_local_views=self.n_local_views,
            momentum=self.momentum,
            center_momentum=self.center_momentum,
            student_temperature=self.student_temperature,
            teacher_temperatures=(self.warmup_teacher_temperature, self.teacher_temperature),
        )
