"""What the loss of a training has to be: a finite number that weights can be learned from."""

from __future__ import annotations

from torch import Tensor, nn

from skssl._quote import quoted
from skssl.exceptions import NonFiniteLossError

OWN_CODE = "where views or the loss are your own, at what they return"
REMEDY = (
    "Try a smaller learning_rate (a tenth of it first), a smaller weight_decay, "
    "precision='float32', or a larger batch_size, and look for extreme values in X and, "
    f"{OWN_CODE}."
)


def check_loss(loss: object, objective: nn.Module) -> Tensor:
    """Return what an objective calls its loss, if it is one that can be learned from."""
    who = f"The loss that {type(objective).__name__} returns"
    if not isinstance(loss, Tensor):
        raise TypeError(f"{who} is {quoted(loss)}; it has to be a tensor, such as its mean().")
    if loss.numel() != 1:
        raise ValueError(
            f"{who} has shape {tuple(loss.shape)}; it has to be a scalar, such as its mean()."
        )
    if not loss.requires_grad:
        raise ValueError(
            f"{who} has no gradient, so that nothing can be learned from it: compute it of what "
            "encoder and heads return, without detach(), item(), numpy(), argmax() or no_grad()."
        )
    return loss


def finite_mean(losses: Tensor, first_step: int) -> float:
    """Return the mean of losses, the first of which is that of a step whose number is given."""
    finite = losses.isfinite()
    if finite.all():
        return losses.mean().item()
    step = first_step + int(finite.logical_not().nonzero()[0])
    value = losses[step - first_step].item()
    if step == 1:
        raise NonFiniteLossError(
            f"The loss is {value} at step 1, before a weight has changed. Look for extreme values "
            f"in X and, {OWN_CODE}, or try precision='float32'."
        )
    raise NonFiniteLossError(
        f"The loss became {value} at step {step}, so training was stopped. {REMEDY}"
    )
