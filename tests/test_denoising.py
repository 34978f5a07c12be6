"""Denoising: words of texts are told from the embedding of what is left of them."""

import numpy as np
import pytest
import torch
from torch import nn

from skssl import DenoisingAutoencoder
from skssl.modality import Text

X = ["rain wind sun", "wind sun rain", "cats dogs", "dogs cats cats"] * 8


class Sums(nn.Module):
    """Embeds a text as the sum of one vector for each word."""

    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.eye(6)[:, :5])

    def forward(self, tokens):
        return nn.functional.embedding(tokens, self.vectors).sum(dim=1)


def fitted(**params):
    text = Text(concat_input=False, max_df=1.0)
    settings = {"encoder": Sums(), "max_epochs": 0, "device": "cpu", "random_state": 0}
    return DenoisingAutoencoder(modality=text, **{**settings, **params}).fit(X)


def test_loss_by_hand():
    ssl = fitted(word_dim=5)
    objective = ssl._objective
    batch = torch.tensor([[1, 2, 2], [4, 0, 0], [0, 0, 0]])
    with torch.no_grad():
        nn.init.eye_(objective.head.weight)
        nn.init.zeros_(objective.head.bias)
        loss = objective(batch, lambda tokens, n_views: [tokens])
        told = ssl.encoder_.encoder(batch)
    # How often cats, dogs, rain, sun and wind are there; only words of the batch are told apart.
    log_count = np.log([24, 16, 16, 16, 16])
    expected = []
    for row, words in enumerate(([1, 2, 2], [4])):
        scores = (told[row] @ objective.words[[1, 2, 4]].T).detach().numpy()
        scores = dict(zip([1, 2, 4], scores + log_count[[0, 1, 3]], strict=True))
        total = np.log(sum(np.exp(score) for score in scores.values()))
        expected.append(np.mean([total - scores[word] for word in words]))
    # A text without words has nothing to tell.
    assert loss.item() == pytest.approx(sum(expected) / 3, rel=1e-5)
    assert objective.take_measures()["relative_error"] > 0


def test_words_are_told_better_than_by_how_frequent_they_are():
    ssl = fitted(max_epochs=20, batch_size=8, learning_rate=0.02, encoder="bag")
    errors = [row["relative_error"] for row in ssl.history_]
    assert errors[0] > 0.9 > 0.6 > errors[-1]
    rain, sun, cats = ssl.transform(["rain", "sun", "cats"])
    assert np.linalg.norm(rain - sun) < 0.5 * np.linalg.norm(rain - cats)


def test_views_take_most_words_away():
    views = fitted().views_
    assert (views.halves, views.dropout) == (False, 0.6)
