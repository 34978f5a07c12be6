"""Bad input is refused before any training, with what came in and what is allowed."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from cases import FAMILIES, make, tiny_conv, tiny_mlp, tiny_series
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from skorch.callbacks import Callback

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR
from skssl.extend import PairObjective, SelfSupervisedTransformer
from skssl.inspection import few_label_report
from skssl.modality import Images, Series
from skssl.model_selection import LabeledKFold, embed_views
from skssl.semi_supervised import FineTuneClassifier, LabeledOnly, PrototypeClassifier
from skssl.training import NonFiniteLossError
from skssl.views import ImageViews, SeriesViews, VideoViews

TABLE = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
PICTURES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


class Untrainable(Callback):
    """Fails the test if a training begins."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        raise AssertionError("training began")


def with_nan(value):
    X = TABLE.copy()
    X[3, 1] = value
    return X


BAD_X = [
    (np.zeros(5), "Expected 2D array, got 1D array"),
    (np.zeros((4, 2, 3, 4, 5)), r"clips of shape \(2, 3, 4, 5\)"),
    (np.zeros((4, 2, 3, 4, 5, 3)), r"shape \(4, 2, 3, 4, 5, 3\)"),
    (np.zeros((4, 5, 6), dtype=object), r"shape \(4, 5, 6\) and dtype object"),
    (np.zeros((4, 9, 9, 7)), r"images of shape \(9, 9, 7\)"),
    (with_nan(np.inf), "infinity"),
    (np.full((9, 4), 10**400, dtype=object), "too large for dtype"),
    (np.empty((0, 4)), "X has 0 samples"),
    (TABLE[:1], "X has 1 sample,"),
    (PICTURES[:1], "X has 1 sample,"),
    (np.array([["a", "b"], ["c", "d"]]), "numbers, got strings"),
    (["some", None], "Row 1 of X is None"),
    (scipy.sparse.csr_matrix(TABLE), "[Ss]parse"),
    (TABLE + 1j, "[Cc]omplex"),
    (np.array([[{}, 1], [2, 3]], dtype=object), "must be a string or a.* number"),
]


def or_no_meaning(estimator, message):
    """Methods that are not for the modality of the samples say that first."""
    return f"{message}|{estimator.__name__} has no meaning for modality"


@pytest.mark.parametrize("estimator", FAMILIES)
@pytest.mark.parametrize(("X", "message"), BAD_X, ids=[m for _, m in BAD_X])
def test_bad_samples(estimator, X, message):
    with pytest.raises((ValueError, TypeError), match=or_no_meaning(estimator, message)):
        make(estimator, callbacks=[Untrainable()], device="cpu").fit(X)


BAD_PARAMETERS = [
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 1}, "batch_size"),
    ({"max_epochs": -1}, "max_epochs"),
    ({"learning_rate": 0}, "learning_rate"),
    ({"optimizer": "adamm"}, "optimizer"),
    ({"optimizer": torch.optim.RMSprop}, "learning_rate='auto'"),
    ({"precision": "float8"}, "precision"),
    ({"device": "cuda:99"}, r"device='cuda:99' is not available.*set_params\(device='cpu'\)"),
    ({"device": "toaster"}, "device='toaster' is not available"),
    ({"device": "meta"}, "device='meta' is not available"),
    ({"callbacks": [Untrainable(), 3]}, "callbacks has 3 at position 1; allowed are"),
    ({"encoder": "resnet81"}, "encoder='resnet81'.*did you mean|Allowed"),
    ({"encoder": lambda shape: 3}, "must return an nn.Module, got 3"),
    # Of masked methods, what it must be able to do says more than its shape.
    ({"encoder": torch.nn.Identity()}, r"shape \(n, d\)|Identity\(\) cannot leave out parts"),
    ({"views__crop_scales": (0.5, 1)}, "views__crop_scales is no parameter of ImageViews"),
    ({"views__crop_scale": (2.0, 1.0)}, "crop_scale"),
    ({"modality": "images"}, r"modality='images' .* modality=skssl.modality.Images\(\)"),
    ({"modality": "point_cloud"}, r"modality=skssl.modality.PointCloud\(\)"),
    ({"modality": Images}, r"'modality' .* got the class Images; write modality=Images\(\)"),
    ({"views": ImageViews}, r"'views' .* got the class ImageViews; write views=ImageViews\(\)"),
    ({"views": {"rotation": 20}}, r"'views' .* must be 'auto', .* Got \{'rotation': 20\} instead"),
    ({"views": SeriesViews()}, "views of Series, but the samples of X are Images; .*ImageViews"),
    ({"views": VideoViews()}, "views of Video, but the samples of X are Images"),
    ({"encoder": torch.nn.LSTM}, "encoder=.*LSTM.*an object of this class"),
    ({"encoder": tiny_series}, "encoder=.*(cannot embed|raised)|cannot leave out parts"),
    ({"modality": Images(shape=(3, 3))}, r"shape=\(3, 3\) does not fit"),
    ({"modality": Images(channels=5)}, "channels=5|5 values"),
]


@pytest.mark.parametrize("estimator", [e for e in FAMILIES if e.works_with(Images)])
@pytest.mark.parametrize(("params", "message"), BAD_PARAMETERS, ids=[m for _, m in BAD_PARAMETERS])
def test_bad_parameters(estimator, params, message):
    ssl = make(estimator, callbacks=[Untrainable()], device="cpu").set_params(**params)
    with pytest.raises((ValueError, TypeError), match=or_no_meaning(estimator, message)):
        ssl.fit(PICTURES)


def test_names_of_what_has_no_parameters():
    with pytest.raises(ValueError, match=r"concat_input cannot .* modality='auto' .*Images\(\)"):
        SimCLR().set_params(modality__concat_input=False)
    with pytest.raises(ValueError, match="views__flip cannot be set, since views=.*clone"):
        SimCLR(views=torch.clone).set_params(views__flip=0)
    ssl = SimCLR().set_params(modality=Images(), modality__concat_input=False)
    assert not ssl.modality.concat_input
    assert repr(SimCLR().set_params(views__flip=0)) == "SimCLR(views=ChangedViews(flip=0))"


FILE = bytes(range(256)) * 1000
LONG = "word " * 50_000


@pytest.mark.parametrize(
    ("X", "params"),
    [
        ([FILE] * 8, {}),
        (FILE, {}),
        (LONG, {}),
        ([LONG] * 7 + [3], {}),
        ([LONG] * 8, {"modality": Images()}),
        ([LONG] * 8, {"modality": Series()}),
        ([LONG + ".png"] * 8, {}),
        (pd.DataFrame({"a": [FILE, "b"] * 4, "c": range(8)}), {}),
        (pd.DataFrame({"a": [LONG, 1] * 4, "c": range(8)}), {}),
        (np.ones((8, 4)), {"encoder": torch.nn.Sequential(*[torch.nn.Linear(9, 9)] * 500)}),
        (np.ones((8, 4)), {"encoder": lambda shape: [torch.nn.Linear(9, 9)] * 500}),
    ],
)
def test_messages_are_short(X, params):
    with pytest.raises((ValueError, TypeError)) as error:
        SimCLR(max_epochs=0, device="cpu", **params).fit(X)
    assert len(str(error.value)) < 1500


def test_negative_temperature():
    with pytest.raises(ValueError, match="'temperature' parameter of SimCLR must be .* Got -0.1"):
        SimCLR(temperature=-0.1).fit(TABLE)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (FineTuneClassifier(SimCLR), r"write method=SimCLR\(\)"),
        (LabeledOnly(LogisticRegression), "'estimator' parameter of LabeledOnly must be an object"),
        (SelfSupervisedImputer(method=MaskedAutoencoder), r"write method=MaskedAutoencoder\(\)"),
    ],
    ids=["finetune", "labeled", "imputer"],
)
def test_a_class_in_the_place_of_an_object(estimator, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(TABLE, np.arange(20) % 2)


@pytest.mark.parametrize("encoder", [tiny_conv((3, 8, 8)), lambda shape: tiny_conv(shape[:2])])
def test_an_encoder_of_another_modality(encoder):
    ssl = SimCLR(encoder=encoder, callbacks=[Untrainable()], device="cpu")
    with pytest.raises(ValueError, match=r"encoder=.*\(4,\)") as raised:
        ssl.fit(TABLE)
    assert raised.value.__cause__ is not None


def test_methods_of_ones_own_that_are_not_complete():
    class Nothing(SelfSupervisedTransformer):
        """Has no objective."""

    class ByRow(SelfSupervisedTransformer):
        """Has a loss for each sample."""

        def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
            def distances(z1, z2):
                return (z1 - z2).square().sum(dim=1)

            return PairObjective(encoder, torch.nn.Identity(), distances, together=True)

    for method, kind, message in (
        (Nothing, TypeError, r"Nothing has to define make_objective\("),
        (ByRow, ValueError, r"PairObjective returns has shape \(20,\); it has to be a scalar"),
    ):
        with pytest.raises(kind, match=message):
            method(encoder=tiny_mlp, max_epochs=1, device="cpu").fit(TABLE)


def test_views_of_another_modality_in_a_scorer():
    ssl = SimCLR(encoder=tiny_conv, max_epochs=0, device="cpu").fit(PICTURES)
    with pytest.raises(ValueError, match="views of Series, but the samples of X are Images"):
        embed_views(ssl, PICTURES, views=SeriesViews())


def test_views_that_return_something_else():
    for views, message in (
        (lambda batch: batch[:1], r"got \(1, 4\)"),
        (lambda batch: 1, "got int"),
    ):
        with pytest.raises(ValueError, match=r"views=.*must return a changed copy.*" + message):
            SimCLR(encoder=tiny_mlp, views=views, max_epochs=1, device="cpu").fit(TABLE)


def test_other_samples_at_transform():
    pictures = SimCLR(encoder=tiny_conv, max_epochs=0, device="cpu").fit(PICTURES)
    with pytest.raises(ValueError, match=r"shape \(9, 8, 3\).*shape \(8, 8, 3\) were seen in fit"):
        pictures.transform(np.zeros((2, 9, 8, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="uint8 from 0 to 255 were seen"):
        pictures.transform(PICTURES / 255)
    table = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu").fit(TABLE)
    with pytest.raises(ValueError, match="X has 3 features, but SimCLR is expecting 4"):
        table.transform(TABLE[:, :3])


def test_transform_before_fit():
    with pytest.raises(NotFittedError, match="This SimCLR instance is not fitted yet"):
        SimCLR().transform(TABLE)


def test_loss_that_becomes_nan():
    def broken(batch):
        # Looks at the embedding draw views as well, without gradient; one is drawn to count work.
        broken.calls += torch.is_grad_enabled()
        return batch * float("inf") if broken.calls > 5 else batch

    broken.calls = 0
    ssl = SimCLR(encoder=tiny_mlp, views=broken, batch_size=5, max_epochs=3, device="cpu")
    with pytest.raises(NonFiniteLossError, match=r"became nan at step 3.*learning_rate"):
        ssl.fit(TABLE)
    with pytest.raises(NotFittedError):
        ssl.transform(TABLE)


@pytest.mark.parametrize(
    "use",
    [
        lambda X, y: FineTuneClassifier(SimCLR(), max_epochs=0).fit(X, y),
        lambda X, y: few_label_report(SimCLR(max_epochs=0), X, y),
        lambda X, y: list(LabeledKFold(2).split(X, y)),
        lambda X, y: PrototypeClassifier().fit(X, y),
    ],
    ids=["finetune", "report", "folds", "prototypes"],
)
def test_samples_and_labels_in_different_numbers(use):
    with pytest.raises(ValueError, match="numbers of samples: X has 20, y has 12"):
        use(TABLE, np.arange(12) % 2)


def test_a_mask_that_is_no_array():
    ssl = MaskedAutoencoder(max_epochs=0, width=16, depth=1, n_heads=2, device="cpu").fit(TABLE)
    with pytest.raises(ValueError, match="mask must be an array of bools: .*inhomogeneous"):
        ssl.reconstruct(TABLE, [[True], [False, True]])
