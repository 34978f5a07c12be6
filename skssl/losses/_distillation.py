"""Losses of a student that predicts what a teacher, or another branch, says of a sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_pair, check_positive, check_rows


def negative_cosine(p: Tensor, z: Tensor) -> Tensor:
    r"""Negative cosine similarity of predictions and targets, the loss of SimSiam and BYOL.

    .. math:: -\frac{1}{n} \sum_i \frac{p_i}{\|p_i\|} \cdot \frac{z_i}{\|z_i\|}

    SimSiam averages it over both directions. BYOL's loss, the squared distance of the normalised
    vectors, is ``2 + 2 * negative_cosine(p, z)`` in each direction.

    Parameters
    ----------
    p : Tensor of shape (n, d)
        Predictions. They need not be normalised.
    z : Tensor of shape (n, d)
        Targets, in the same order. They need not be normalised. The gradient is not stopped here:
        pass ``z.detach()``, without which the solution is that all outputs are the same.

    Returns
    -------
    Tensor of shape ()
        Between -1 and 1.

    Raises
    ------
    ValueError
        If the shapes of `p` and `z` are not two equal shapes (n, d).

    References
    ----------
    Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, equation 1.
    https://arxiv.org/abs/2011.10566

    Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020, equation 2.
    https://arxiv.org/abs/2006.07733

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import negative_cosine
    >>> z = torch.eye(4)
    >>> negative_cosine(2 * z, z).item()
    -1.0
    """
    check_pair(p, z, names=("p", "z"))
    with full_precision(p, z) as (p, z):
        return -(F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum(dim=1).mean()


def relational(
    student: Tensor,
    teacher: Tensor,
    bank: Tensor,
    *,
    student_temperature: float,
    teacher_temperature: float,
) -> Tensor:
    r"""Relational consistency, the loss of ReSSL.

    Student and teacher should see a sample in the same relation to other samples. With
    :math:`s_i`, :math:`t_i` and :math:`b_j` the L2-normalised projections and rows of the bank,

    .. math::
        -\frac{1}{n} \sum_i \sum_j
        \operatorname{softmax}_j(t_i \cdot b_j / T_t) \,
        \log \operatorname{softmax}_j(s_i \cdot b_j / T_s)

    Parameters
    ----------
    student : Tensor of shape (n, d)
        Projections of one view by the student. They need not be normalised.
    teacher : Tensor of shape (n, d)
        Projections of another, weakly changed view by the teacher, in the same order. The caller
        computes them without gradient, or detaches them.
    bank : Tensor of shape (m, d)
        Projections of other samples by the teacher, without gradient: the queue. Fill it with
        `teacher` after the loss, so that no sample is compared with itself.
    student_temperature, teacher_temperature : float
        :math:`T_s` and :math:`T_t`, above 0. The paper has 0.1 and 0.04: the target is sharper
        than the prediction.

    Returns
    -------
    Tensor of shape ()
        The mean over the samples.

    Raises
    ------
    ValueError
        If the shapes of `student` and `teacher` are not two equal shapes (n, d), that of `bank` is
        not (m, d), or a temperature is not above 0.

    References
    ----------
    Zheng, You, Wang, Qian, Zhang, Wang and Xu, "ReSSL: Relational Self-Supervised Learning with
    Weak Augmentation", NeurIPS 2021. https://arxiv.org/abs/2107.09282

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import relational
    >>> z = torch.eye(4)
    >>> loss = relational(z, z, z, student_temperature=0.1, teacher_temperature=0.04)
    >>> round(loss.item(), 4)
    0.0001
    """
    check_pair(student, teacher, names=("student", "teacher"))
    check_rows(bank, student.shape[1], name="bank")
    check_positive(student_temperature=student_temperature, teacher_temperature=teacher_temperature)
    with full_precision(student, teacher, bank) as (student, teacher, bank):
        bank = F.normalize(bank, dim=1)
        target = F.softmax(F.normalize(teacher, dim=1) @ bank.T / teacher_temperature, dim=1)
        return F.cross_entropy(F.normalize(student, dim=1) @ bank.T / student_temperature, target)


def dino(
    student: Tensor,
    teacher: Tensor,
    *,
    center: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
) -> Tensor:
    r"""Self-distillation without labels, the loss of DINO.

    The student predicts from each view how the teacher, centred and sharpened, classifies every
    other view. With :math:`P` the pairs of a teacher's view :math:`v` and a student's view
    :math:`w \ne v`,

    .. math::
        -\frac{1}{n |P|} \sum_{(v, w) \in P} \sum_i
        \operatorname{softmax}((t_{vi} - c) / T_t) \cdot
        \log \operatorname{softmax}(s_{wi} / T_s)

    Parameters
    ----------
    student : Tensor of shape (n_views, n, k)
        Logits of the student. The first views are those that the teacher sees, in the same order;
        small crops follow.
    teacher : Tensor of shape (n_teacher_views, n, k)
        Logits of the teacher. The caller computes them without gradient, or detaches them.
    center : Tensor of shape (k,) or (1, k)
        The :math:`c` of the formula: a moving average of the teacher's mean logits, which keeps one
        class from taking all. Move it after the loss.
    student_temperature, teacher_temperature : float
        :math:`T_s` and :math:`T_t`, above 0. The teacher's is lower: sharp targets keep all classes
        from becoming equal.

    Returns
    -------
    Tensor of shape ()
        The mean over pairs of different views, and over samples.

    Raises
    ------
    ValueError
        If the shapes do not match as above, there is no pair of different views, or a temperature
        is not above 0.

    References
    ----------
    Caron, Touvron, Misra, Jegou, Mairal, Bojanowski and Joulin, "Emerging Properties in
    Self-Supervised Vision Transformers", ICCV 2021. https://arxiv.org/abs/2104.14294

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import dino
    >>> logits = torch.eye(4).expand(2, 4, 4)
    >>> round(dino(logits, logits, center=torch.zeros(4)).item(), 4)
    0.0001
    """
    if student.ndim != 3 or teacher.ndim != 3 or student.shape[1:] != teacher.shape[1:]:
        raise ValueError(
            "student and teacher must have the shapes (n_views, n_samples, n_classes) and "
            "(n_teacher_views, n_samples, n_classes), "
            f"got {tuple(student.shape)} and {tuple(teacher.shape)}."
        )
    n_views, n, n_classes = student.shape
    n_pairs = n_views * len(teacher) - min(n_views, len(teacher))
    if n_pairs < 1:
        raise ValueError(
            "student and teacher must have a pair of different views, "
            f"got {n_views} and {len(teacher)} views."
        )
    if center.shape not in {(n_classes,), (1, n_classes)}:
        raise ValueError(
            f"center must have the shape ({n_classes},) or (1, {n_classes}), "
            f"got {tuple(center.shape)}."
        )
    check_positive(student_temperature=student_temperature, teacher_temperature=teacher_temperature)
    with full_precision(student, teacher, center) as (student, teacher, center):
        targets = F.softmax((teacher - center) / teacher_temperature, dim=-1)
        predictions = F.log_softmax(student / student_temperature, dim=-1)
        cross_entropies = -torch.einsum("vnk,wnk->vw", targets, predictions) / n
        same_view = torch.eye(*cross_entropies.shape, dtype=torch.bool, device=student.device)
        return cross_entropies.masked_fill(same_view, 0).sum() / n_pairs
