"""What the recipe builds, and that it trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerastricks import Recipe, build, config
from kerastricks.augment import (
    ColorJitter,
    CutMix,
    Cutout,
    GaussianBlur,
    GridMask,
    HideAndSeek,
    MixSwitch,
    MixUp,
    Normalize,
    PcaNoise,
    RandomErasing,
    RandomFlip,
    RandomGrayscale,
    RandomTranslate,
    Ricap,
)
from kerastricks.catalog import TRICKS
from kerastricks.data.sources import Source
from kerastricks.errors import InputError
from kerastricks.layers import FusedBatchNorm
from kerastricks.losses import SoftCrossEntropy
from kerastricks.models.weights.torch_weights import load_torch_weights
from kerastricks.optimizers import SGD
from kerastricks.training import Learner

pytestmark = pytest.mark.traced

# Flags and the trick that they switch on, in the order of a step.
BUILT = [
    ({"flip": 0.3}, RandomFlip(0.3)),
    ({"flip": 0.5, "flip_mode": "alternate"}, RandomFlip(0.5, alternate=True)),
    ({"vflip": 0.2}, RandomFlip(0.2, axis="vertical")),
    ({"translate": 3}, RandomTranslate(3)),
    ({"blur": 0.4, "blur_sigma": (0.5, 1.0)}, GaussianBlur(0.4, (0.5, 1.0))),
    (
        {
            "color_jitter": (0.1, 0.2, 0.3),
            "hue": 0.1,
            "jitter_clip": "step",
            "jitter_order": "fixed",
        },
        ColorJitter(0.1, 0.2, 0.3, 0.1, "fixed", "step"),
    ),
    ({"hue": 0.1}, ColorJitter(0.0, 0.0, 0.0, 0.1)),
    ({"grayscale": 0.1}, RandomGrayscale(0.1)),
    ({"pca_noise": 0.2}, PcaNoise(0.2)),
    ({"cutout": 8, "cutout_holes": 2}, Cutout(8, 2)),
    (
        {"erasing": 0.3, "erasing_law": "paper", "erasing_fill": "noise"},
        RandomErasing(0.3, law="paper", fill="noise"),
    ),
    ({"grid_mask": 0.3, "grid_mask_ratio": 0.5}, GridMask(0.3, 0.5)),
    ({"hide_and_seek": 0.4}, HideAndSeek(0.4)),
    (
        {"mixup": 0.3, "mix_per": "sample", "mix_partner": "roll"},
        MixUp(0.3, "sample", "roll"),
    ),
    (
        {"cutmix": 0.5, "mix_partner": "reverse"},
        CutMix(0.5, "batch", "reverse"),
    ),
    ({"ricap": 0.3}, Ricap(0.3)),
    ({"ricap": 0.3, "mix_prob": 0.5}, MixSwitch((Ricap(0.3),), 0.5)),
    (
        {"mixup": 0.2, "cutmix": 1.0, "mix_switch": 0.3, "mix_per": "sample"},
        MixSwitch(
            (MixUp(0.2, "sample"), CutMix(1.0, "sample")), 1.0, 0.3, "sample"
        ),
    ),
]
EVERYTHING = dict(
    flip=0.5,
    vflip=0.5,
    translate=2,
    blur=0.5,
    color_jitter=0.4,
    hue=0.1,
    grayscale=0.2,
    pca_noise=0.1,
    cutout=4,
    erasing=0.5,
    grid_mask=0.5,
    hide_and_seek=0.2,
    mixup=0.2,
    cutmix=1.0,
    ricap=0.3,
)


@pytest.mark.parametrize("flags, trick", BUILT)
def test_each_flag_builds_its_trick_alone(flags, trick):
    tricks = build.augment(Recipe(**{"flip": 0.0, **flags})).tricks
    assert [one for one in tricks if one != Normalize()] == [trick]


def test_nothing_on_only_normalises():
    assert build.augment(Recipe(flip=0.0)).tricks == [Normalize()]


def test_every_flag_of_a_batch_trick_is_tried_here():
    flags = {
        flag
        for trick in TRICKS
        if trick.module.startswith("kerastricks.augment")
        for flag in trick.flags
    }
    assert flags - {"normalize"} == {name for how, _ in BUILT for name in how}


def test_all_at_once_act_in_the_order_of_a_step():
    names = [
        type(trick).__name__
        for trick in build.augment(Recipe(**EVERYTHING)).tricks
    ]
    assert names == (
        "RandomFlip RandomFlip RandomTranslate GaussianBlur ColorJitter "
        "RandomGrayscale PcaNoise Normalize Cutout RandomErasing GridMask "
        "HideAndSeek MixSwitch".split()
    )


@pytest.mark.slow
def test_everything_at_once_trains():
    augment = build.augment(Recipe(**EVERYTHING))
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )
    learner = Learner(model, augment)
    learner.compile(SGD(0.01), SoftCrossEntropy())
    before = [ops.convert_to_numpy(weight) for weight in model.weights]
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (14, 16, 16, 3), np.uint8)
    learner.fit(images, random.randint(0, 4, 14), batch_size=7, verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.isfinite(new).all() and (new != old).any()


@pytest.mark.parametrize("wanted", [4, 12, 60, 100])
def test_clean_slice_is_a_fixed_share_of_every_class(wanted):
    source = Source(
        class_names=tuple("abcdef"),
        labels=np.arange(60, dtype=np.int32) % 6,
        names=[str(i) for i in range(60)],
        fetch=lambda index: index,
        encoded=False,
        natural_size=4,
        indices=np.arange(60),
    )
    recipe = Recipe(clean_images=wanted)
    chosen = build.clean_slice(recipe, source)
    assert len(chosen) == min(wanted, 60)
    if wanted >= 6:
        assert set(np.bincount(chosen.labels)) == {min(wanted, 60) // 6}
    again = build.clean_slice(recipe, source)
    np.testing.assert_array_equal(chosen.indices, again.indices)
    assert build.clean_slice(Recipe(clean_images=0), source) is None


@pytest.mark.parametrize("name", ["translate", "cutout"])
def test_tricks_larger_than_the_image_are_refused(name):
    knobs = Recipe(**{name: 32}).augment
    build.refuse_large(knobs, 33)
    with pytest.raises(InputError, match=rf"below.*32 pixels.*{name}=32"):
        build.refuse_large(knobs, 32)


def splits_of(images=40, size=32, classes=4):
    random = np.random.RandomState(0)
    pixels = random.randint(0, 256, (images, size, size, 3)).astype(np.uint8)
    source = Source(
        class_names=tuple("abcdefgh"[:classes]),
        labels=np.arange(images, dtype=np.int32) % classes,
        names=[str(i) for i in range(images)],
        fetch=lambda index: tf.gather(pixels, index),
        encoded=False,
        natural_size=size,
        indices=np.arange(images),
    )
    return build.Splits(source, source, size), pixels


def test_every_knob_of_the_model_reaches_it():
    """Each set apart from its default changes the network."""
    changes = {
        "width": 0.25,
        "stem": "deep",
        "activation": "silu",
        "bn_after_activation": True,
        "blur_pool": True,
        "spectral_norm": True,
        "drop_path": 0.1,
        "pool": "concat",
        "dropout": 0.1,
        "zero_gamma": False,
        "init": "he_normal",
        "sync_bn": True,
    }
    assert set(changes) == config.MODEL_KNOBS

    def described(**knobs):
        recipe = Recipe(model="resnet10_d", **{"width": 0.125, **knobs})
        return build.classifier(recipe, 3, 32, "float32").to_json()

    plain = described()
    assert plain == described()
    for knob, value in changes.items():
        assert described(**{knob: value}) != plain, knob


def test_a_run_starts_from_given_weights_with_a_head_of_its_own(
    tmp_path, capsys
):
    small = {"model": "resnet10_d", "width": 0.125, "precision": "float32"}
    given = build.classifier(Recipe(**small, seed=7), 9, 32, "float32")
    file = tmp_path / "given.weights.h5"
    given.save_weights(file)
    recipe = Recipe(
        **small, init_weights=str(file), freeze_bn=True, batch_size=8
    )
    learner = build.learner(recipe, splits_of()[0])
    assert "new        head" in capsys.readouterr().out
    for layer in given.layers:
        if layer.name != "head":
            for old, new in zip(
                layer.get_weights(),
                learner.model.get_layer(layer.name).get_weights(),
                strict=True,
            ):
                np.testing.assert_array_equal(old, new)
    assert learner.model.output_shape == (None, 4)
    trained = {path.path for path in learner.trainable_variables}
    assert not [path for path in trained if "gamma" in path or "beta" in path]
    assert [path for path in trained if "conv/kernel" in path]


def test_the_first_convolution_of_cifar_fast_is_measured():
    splits, pixels = splits_of()
    recipe = Recipe(
        model="cifar_fast",
        width=0.125,
        normalize="none",
        train_crop="center",
        eval_crop=1.0,
        precision="float32",
        batch_size=8,
    )
    whiten = build.learner(recipe, splits).model.get_layer("whiten")
    outputs = ops.convert_to_numpy(whiten(pixels.astype("float32") / 255))
    found = outputs[..., :12].reshape(-1, 12)
    np.testing.assert_allclose(
        found.T @ found / len(found), np.eye(12), atol=0.02
    )


def test_zoo_models_get_the_fast_batch_norm():
    recipe = Recipe(model="keras:MobileNetV3Small")
    model = build.classifier(recipe, 3, 64, "mixed_bfloat16")
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms and all(isinstance(norm, FusedBatchNorm) for norm in norms)
    assert model.output.dtype == "float32"


def test_published_weights_need_their_normalization():
    recipe = Recipe(model="keras:MobileNet", init_weights="imagenet")
    with pytest.raises(InputError, match="--normalize=127.5,.*=imagenet$"):
        build.published_weights(recipe)
    fitting = recipe.replace(normalize="127.5,127.5,127.5/127.5,127.5,127.5")
    assert build.published_weights(fitting) == "imagenet"
    ours = recipe.replace(init_weights="run/best.weights.h5")
    assert build.published_weights(ours) == ""


def test_a_resumed_run_needs_no_file_to_start_from():
    recipe = Recipe(
        model="resnet10_d",
        width=0.125,
        init_weights="gone.weights.h5",
        precision="float32",
        batch_size=8,
    )
    with pytest.raises(InputError, match="init_weights=gone.weights.h5"):
        build.learner(recipe, splits_of()[0])
    assert build.learner(recipe, splits_of()[0], fresh=False).built


def test_the_small_stem_is_told_of_where_published_weights_do_not_fit():
    model = build.classifier(
        Recipe(model="resnet10_d", width=0.125), 3, 32, "float32"
    )
    with pytest.raises(InputError, match="--stem=7x7 or deep.* missing"):
        load_torch_weights(
            model,
            {name: np.zeros(1) for name in ("conv1.0.weight", "fc.weight")},
        )
