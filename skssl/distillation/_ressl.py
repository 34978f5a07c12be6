"""ReSSL."""

from __future__ import annotations

from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import relational
from skssl.nn import DrawViews, Objective, Queue, TaughtObjective, auto_queue_size, mlp_head


class _ReSSLObjective(TaughtObjective):
    momentum_rises = False

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        queue: Queue,
        momentum: float,
        temperatures: dict[str, float],
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.queue = queue
        self.temperatures = temperatures

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        (strong,) = draw_views(batch, 1)
        (weak,) = draw_views(batch, 1, kind="weak")
        student = self.projector(self.encoder(strong)).float()
        teacher = self.teacher(weak).float()
        loss = relational(student, teacher, self.queue.rows, **self.temperatures)
        self.queue.enqueue(teacher)
        return loss


class ReSSL(SelfSupervisedTransformer):
    """Relational self-supervised learning: agree with a teacher on what a sample resembles.

    A teacher, the moving average of the network, sees a weakly changed view and compares it with a
    queue of earlier samples; the network sees a strongly changed view and learns to find it similar
    to the same ones. Nothing is a positive or a negative, only more or less similar, so that
    near-duplicates do no harm.

    Parameters
    ----------
    student_temperature : float, default=0.1
        Divides the student's similarities.
    teacher_temperature : float, default=0.04
        Divides the teacher's; lower than the student's, so that its targets are sharper.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step. Closer to 1 for longer trainings; the
        paper has 0.999.
    queue_size : int, default="auto"
        Number of earlier samples. "auto" is half of the training samples, at most 4096.
    projector_dim : int, default=128
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.

    See Also
    --------
    MoCo : With the same structure, and one positive among negatives.

    Notes
    -----
    As in the paper, the loss is computed in one direction, and the queue moves after it. The
    projector is a two-layer perceptron with BatchNorm in between, which the authors' released code
    does not have.

    References
    ----------
    Zheng et al., "ReSSL: Relational Self-Supervised Learning with Weak Augmentation", NeurIPS
    2021. https://arxiv.org/abs/2107.09282

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import ReSSL
    >>> X = load_digits().images[:100]
    >>> ssl = ReSSL(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    student_temperature: float = param(POSITIVE, default=0.1)
    teacher_temperature: float = param(POSITIVE, default=0.04)
    momentum: float = param(FRACTION, default=0.99)
    queue_size: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = (
        "Try a lower teacher_temperature, a larger queue_size, or a momentum closer to 1."
    )

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=False)
        size = resolve_auto(self.queue_size, auto_queue_size(n_samples))
        temperatures = {
            "student_temperature": self.student_temperature,
            "teacher_temperature": self.teacher_temperature,
        }
        queue = Queue(size, self.projector_dim)
        return _ReSSLObjective(encoder, projector, queue, self.momentum, temperatures)
