"""The progress bar of ``verbose=1``."""

from __future__ import annotations

from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback
from tqdm.auto import tqdm


class Progress(Callback):
    """One bar for the whole training, in steps, with the loss of the last epoch.

    skorch's own bar starts anew every epoch, of which small data have hundreds, and reads the
    loss at every step, which a GPU would have to wait for.
    """

    def __init__(self, title: str):
        self.title = title

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        self.bar_ = tqdm(total=net.steps, desc=self.title, unit="step")

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        self.bar_.update()

    def on_epoch_end(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        self.bar_.set_postfix(loss=f"{net.history[-1]['train_loss']:.4g}", refresh=False)

    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        self.bar_.close()
