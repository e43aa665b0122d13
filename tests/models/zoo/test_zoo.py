import functools
import random
import sys
import types

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.config import normalization
from kerastricks.errors import InputError
from kerastricks.models import zoo
from kerastricks.models.zoo import applications
from kerastricks.models.zoo.surgery import first_layers

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE = 72  # halved four times it is odd, where Keras's pads differ


def numbers(tensor):
    return ops.convert_to_numpy(tensor).astype("float32")


def pixels(size=32, count=2):
    shape = (count, size, size, 3)
    return np.random.RandomState(0).uniform(0, 255, shape).astype("float32")


def normalized(images, flag):
    mean, std = normalization(flag)
    return ((images - np.array(mean)) / np.array(std)).astype("float32")


def randomize(model):
    """Weights under which no activation dies, unlike fresh ones."""
    random_state = np.random.RandomState(1)
    for weight in model.weights:
        draw = random_state.normal(size=weight.shape)
        kind = weight.path.rsplit("/", 1)[-1]
        if kind == "kernel":
            deep = weight.shape[-1] == 1  # depthwise: one channel in
            fan = np.prod(weight.shape[:2] if deep else weight.shape[:-1])
            weight.assign(draw * np.sqrt(3 / fan))
        elif kind in ("gamma", "moving_variance"):
            weight.assign(1 + 0.1 * abs(draw))
        elif kind in ("beta", "bias", "moving_mean"):
            weight.assign(0.1 * draw)


def tiny(
    weights="imagenet",
    input_tensor=None,
    input_shape=(32, 32, 3),
    classes=1000,
    classifier_activation="softmax",
):
    """An application of two layers; its published weights follow a rule."""
    images = keras.Input(input_shape) if input_tensor is None else input_tensor
    x = layers.Conv2D(8, 3, 2, use_bias=False, name="conv")(images)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(
        classes, activation=classifier_activation, name="predictions"
    )(x)
    model = keras.Model(images, x, name="tiny")
    if weights == "imagenet":
        randomize(model)
    return model


@pytest.fixture
def tiny_resnet(monkeypatch):
    """keras:ResNet50 is small now."""
    monkeypatch.setattr(keras.applications, "ResNet50", tiny)
    return functools.partial(zoo.create_from_zoo, "keras:ResNet50")


# Names


def test_all_applications_are_named():
    names = zoo.zoo_names()
    assert len(names) == len(set(names)) >= 40
    assert {"keras:InceptionV3", "keras:MobileNet", "keras:VGG16"} <= set(names)


@pytest.mark.parametrize(
    "name, message",
    [
        ("keras:ResNet51", r"did you mean .*ResNet50.*model=keras:ResNet51"),
        ("keras:qqq", r"it has ConvNeXtBase, .*, Xception\. Received: .*qqq"),
        ("resnet50", r"LIBRARY:NAME .*Received: model=resnet50"),
        ("timm:resnet50", r"keras, keras_cv, keras_hub .*model=timm:resnet50"),
        ("keras:", r"LIBRARY:NAME .*Received: model=keras:"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(InputError, match=message):
        zoo.create_from_zoo(name, num_classes=2)
    if ":" not in name or name.startswith("timm"):
        with pytest.raises(InputError, match="only zoo models"):
            zoo.published_normalization(name)


@pytest.mark.traced
def test_case_of_a_name_does_not_matter(tiny_resnet):
    model = zoo.create_from_zoo("keras:rEsNet50", num_classes=3)
    assert model.output_shape == (None, 3)


# keras.applications


@pytest.mark.parametrize(
    "name, count",
    [
        ("ResNet50", 25_636_712),
        ("MobileNet", 4_253_864),
        ("InceptionV3", 23_851_784),
        # 5,330,571 with mean, variance and count of a Normalization layer.
        ("EfficientNetB0", 5_330_571 - 7),
    ],
)
def test_parameters_are_the_published_ones(name, count):
    model = zoo.create_from_zoo(f"keras:{name}", num_classes=1000)
    assert model.count_params() == count
    assert model.input_shape == (None, None, None, 3)
    assert not first_layers(model)


def pretend_download(monkeypatch, name):
    """Keras's own model, returned as if its weights were the published."""
    real = getattr(keras.applications, name)
    theirs = real(
        weights=None, input_shape=(SIZE, SIZE, 3), classifier_activation=None
    )
    randomize(theirs)

    @functools.wraps(real)
    def build(**options):
        return (
            theirs if options.get("weights") == "imagenet" else real(**options)
        )

    monkeypatch.setattr(keras.applications, name, build)
    return theirs


def their_inputs(name, images):
    """What Keras's model is given for images on 0..255."""
    if name == "EfficientNetB0":
        # Its Normalization holds deviations s for variances; a third layer, of
        # downloaded models only, divides by sqrt(s) once more. Here the images
        # bring that division along.
        unit = (images / 255 - MEAN) / np.sqrt(DEVIATION)
        return (unit + MEAN) * 255
    module = getattr(keras.applications, name).__module__.rsplit(".", 1)[-1]
    prepare = getattr(keras.applications, module).preprocess_input
    return np.array(prepare(images.copy()))


@pytest.mark.parametrize(
    "name", ["EfficientNetB0", "MobileNetV3Small", "ResNet50"]
)
def test_published_weights_give_the_published_answers(name, monkeypatch):
    theirs = pretend_download(monkeypatch, name)
    for layer in theirs.layers:
        if isinstance(layer, layers.Normalization):  # of EfficientNet's files
            layer.set_weights(list(map(np.array, (MEAN, DEVIATION, 0))))
            layer.finalize_state()
    ours = zoo.create_from_zoo(
        f"keras:{name}", num_classes=1000, weights="imagenet"
    )
    images = pixels(SIZE)
    flag = zoo.published_normalization(f"keras:{name}")
    logits = numbers(ours(normalized(images, flag)))
    expected = numbers(theirs(their_inputs(name, images).astype("float32")))
    assert expected.std(0).min() > 0  # images make a difference
    np.testing.assert_allclose(logits, expected, atol=1e-3 * expected.std())


def test_own_normalization_is_what_preprocess_input_does():
    images = pixels(2)
    within = set()
    for name in zoo.zoo_names():
        application = name.removeprefix("keras:")
        ours = normalized(images, zoo.published_normalization(name))
        module = getattr(keras.applications, application).__module__
        module = getattr(keras.applications, module.rsplit(".", 1)[-1])
        theirs = module.preprocess_input(images.copy())
        if applications.reads_bgr(application):
            theirs = theirs[..., ::-1]
        if np.array_equal(theirs, images):
            within.add(application)  # its preprocessing is in the model
        else:
            np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=name)
    assert within == {
        name.removeprefix("keras:")
        for name in zoo.zoo_names()
        if "EfficientNet" in name or "ConvNeXt" in name or "NetV3" in name
    }


@pytest.mark.parametrize(
    "name",
    [
        "ConvNeXtTiny",
        "EfficientNetV2B0",
        "MobileNetV3Small",
        pytest.param("EfficientNetV2S", marks=pytest.mark.slow),
    ],
)
def test_own_normalization_is_what_the_layers_do(name):
    model = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    theirs = images = pixels()
    for layer in first_layers(model):
        theirs = layer(theirs)
    ours = normalized(images, zoo.published_normalization(f"keras:{name}"))
    np.testing.assert_allclose(ours, numbers(theirs), atol=1e-5)
    assert abs(ours).max() < 3


@pytest.mark.parametrize(
    "name, image_size, smallest",
    [("InceptionV3", 74, 75), ("Xception", 70, 71), ("VGG16", 31, 32)],
)
def test_images_may_be_too_small(name, image_size, smallest):
    message = f"at least {smallest} for keras:{name}.*image_size={image_size}$"
    with pytest.raises(InputError, match=message):
        zoo.create_from_zoo(
            f"keras:{name}", num_classes=2, image_size=image_size
        )


def test_models_of_a_fixed_size():
    model = zoo.create_from_zoo("keras:vgg16", num_classes=2, image_size=32)
    assert model.input_shape == (None, 32, 32, 3)
    assert model.get_layer("fc1").kernel.shape == (512, 4096)
    assert applications.side("VGG19", None) == 224
    assert applications.side("NASNetLarge", None) == 331
    assert applications.side("ResNet50", 160) is None


# Seeds, precision, weights


@pytest.mark.traced
def test_weights_follow_the_seed(tiny_resnet):
    def drawn(seed, classes=5, dtype=None):
        model = tiny_resnet(num_classes=classes, seed=seed, dtype=dtype)
        return [numbers(weight) for weight in model.weights]

    first = drawn(0)
    state = random.getstate()
    for again, reference in zip(drawn(0), first, strict=True):
        np.testing.assert_array_equal(again, reference)
    mixed = drawn(0, dtype="mixed_bfloat16")
    for same, reference in zip(mixed, first, strict=True):
        np.testing.assert_array_equal(same, reference)
    np.testing.assert_array_equal(drawn(0, classes=7)[0], first[0])
    assert abs(drawn(1)[0] - first[0]).mean() > 0.01
    assert random.getstate() == state


@pytest.mark.traced
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_under_every_policy(tiny_resnet, dtype):
    model = tiny_resnet(num_classes=5, weights="imagenet", dtype=dtype)
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("conv").compute_dtype == dtype.split("_")[1]
    assert model.output.dtype == "float32"
    images = pixels() / 60 - 2
    pooled = keras.Model(model.input, model.layers[-3].input)(images)
    kernel, bias = map(numbers, model.layers[-1].weights)
    logits = model(images)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    features = numbers(pooled).mean((1, 2))
    np.testing.assert_allclose(
        numbers(logits), features @ kernel + bias, atol=1e-5
    )


@pytest.mark.traced
def test_global_policy_holds_where_none_is_given(tiny_resnet):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny_resnet(num_classes=5, weights="imagenet")
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.traced
def test_another_head_on_published_weights(tiny_resnet):
    published = tiny()
    model = tiny_resnet(num_classes=5, weights="imagenet", seed=3)
    for name in ("conv", "bn"):
        ours = model.get_layer(name).get_weights()
        theirs = published.get_layer(name).get_weights()
        if name == "conv":  # ResNet50's weights read blue first
            theirs[0] = theirs[0][:, :, ::-1]
        for new, old in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(new, old)
    fresh = tiny_resnet(num_classes=5, seed=3)
    np.testing.assert_array_equal(
        model.get_layer("predictions").kernel,
        fresh.get_layer("predictions").kernel,
    )


@pytest.mark.traced
@pytest.mark.parametrize("ending", ["weights.h5", "h5"])
@pytest.mark.parametrize("classes", [5, 1000])
def test_weights_from_a_file(tiny_resnet, tmp_path, ending, classes):
    given = tiny(classes=classes)
    path = str(tmp_path / f"given.{ending}")
    (given.save_weights if ending == "weights.h5" else given.save)(path)
    model = tiny_resnet(num_classes=5, weights=path)
    np.testing.assert_array_equal(
        model.get_layer("conv").get_weights()[0],
        given.get_layer("conv").get_weights()[0][:, :, ::-1],
    )
    same = np.array_equal(
        numbers(model.weights[-1]), numbers(given.weights[-1])
    )
    assert same == (classes == 5)


def test_files_that_are_no_weights_of_the_model(tiny_resnet, tmp_path):
    missing = str(tmp_path / "missing.h5")
    with pytest.raises(InputError, match="weights must be imagenet or a file"):
        tiny_resnet(num_classes=5, weights=missing)
    (tmp_path / "text.h5").write_text("no HDF5")
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    other.save_weights(tmp_path / "other.weights.h5")
    for name in ("text.h5", "other.weights.h5"):
        message = rf"with 5 or 1000 classes\. Received: weights=.*{name} \("
        with pytest.raises(InputError, match=message):
            tiny_resnet(num_classes=5, weights=str(tmp_path / name))


def test_published_weights_of_another_size(monkeypatch):
    def fixed(input_tensor=None, classes=1000, weights=None, **options):
        images = keras.Input((224, 224, 3))
        images = images if input_tensor is None else input_tensor
        x = layers.Dense(4)(layers.Flatten()(images))
        return keras.Model(images, layers.Dense(classes)(x))

    monkeypatch.setattr(keras.applications, "VGG16", fixed)
    with pytest.raises(InputError, match="of 224 px. Received: image_size=32"):
        zoo.create_from_zoo(
            "keras:VGG16", num_classes=2, image_size=32, weights="imagenet"
        )


def test_download_that_fails_says_what_to_do(monkeypatch):
    def offline(weights=None, **options):
        if weights:
            raise Exception("URL fetch failure on https://x/w.h5: no route")
        return tiny(None, options["input_tensor"], classes=options["classes"])

    monkeypatch.setattr(keras.applications, "ResNet50", offline)
    message = (
        r"(?s)URL fetch failure on https://x/w.h5: no route.*keras/models first"
    )
    with pytest.raises(InputError, match=message):
        zoo.create_from_zoo("keras:ResNet50", num_classes=2, weights="imagenet")


# Any Keras model


def small(*end):
    """A convolution, pooling, and the end of a classifier."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            *end,
        ]
    )
    randomize(model)
    return model


def with_ops_softmax():
    images = keras.Input((8, 8, 3))
    return keras.Model(images, ops.softmax(small(layers.Dense(4))(images)))


PROBABLE = {
    "dense": lambda: small(layers.Dense(4, activation="softmax")),
    "sigmoid": lambda: small(layers.Dense(4, activation="sigmoid")),
    "activation": lambda: small(
        layers.Dense(4), layers.Activation("softmax", dtype="float32")
    ),
    "layer": lambda: small(layers.Dense(4), layers.Softmax()),
    "two": lambda: small(
        layers.Dense(5, activation="relu"),
        layers.Dense(4),
        layers.Dropout(0.1),
        layers.Softmax(),
    ),
    "conv": lambda: small(
        layers.Reshape((1, 1, 6)),
        layers.Conv2D(4, 1),
        layers.Flatten(),
        layers.Activation("softmax"),
    ),
    "within": lambda: keras.Sequential(
        [keras.Input((8, 8, 3)), small(layers.Dense(4, activation="softmax"))]
    ),
}


@pytest.mark.traced
@pytest.mark.parametrize("kind", PROBABLE)
def test_probabilities_become_logits(kind):
    model = PROBABLE[kind]()
    images = pixels(8) / 255
    before = numbers(model(images))
    logits = numbers(zoo.logits_of(model, 4)(images))
    again = 1 / (1 + np.exp(-logits))
    if kind != "sigmoid":
        again = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(again, before, atol=1e-6)
    assert abs(logits.sum(-1) - 1).min() > 1e-3


@pytest.mark.traced
def test_softmax_of_keras_ops():
    model = with_ops_softmax()
    logits = numbers(zoo.logits_of(model, 4)(pixels(8) / 255))
    before = numbers(model(pixels(8) / 255))
    again = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(again, before, atol=1e-6)


@pytest.mark.traced
def test_logits_stay_as_they_are():
    model = small(layers.Dense(4))
    ours = zoo.logits_of(model, 4, name="mine")
    assert ours.name == "mine"
    assert ours.layers[1:] == model.layers
    images = pixels(8)
    np.testing.assert_array_equal(numbers(ours(images)), numbers(model(images)))


@pytest.mark.traced
@pytest.mark.parametrize("kind", ["map", "pooled", "tokens"])
def test_features_get_a_head(kind):
    images = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, dtype="mixed_bfloat16")(images)
    if kind == "pooled":
        x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    if kind == "tokens":
        x = layers.Reshape((36, 6), dtype="mixed_bfloat16")(x)
    model = keras.Model(images, x)
    ours = zoo.logits_of(model, 4)
    features = numbers(model(pixels(8) / 255)).reshape(2, -1, 6).mean(1)
    kernel, bias = map(numbers, ours.get_layer("head").weights)
    np.testing.assert_allclose(
        numbers(ours(pixels(8) / 255)), features @ kernel + bias, atol=1e-5
    )
    assert ours.output.dtype == "float32"
    same, other = zoo.logits_of(model, 4), zoo.logits_of(model, 4, seed=1)
    assert np.array_equal(same.get_layer("head").kernel, kernel)
    assert not np.array_equal(other.get_layer("head").kernel, kernel)


@pytest.mark.traced
def test_own_preprocessing_is_taken_off_and_named(tmp_path):
    images = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.04, 0.09, 1])(x)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(4)(x))
    with pytest.warns(UserWarning, match="taken off") as told:
        ours = zoo.logits_of(model, 4)
    flag = str(told[0].message).split("--normalize=")[1].split(". ")[0]
    assert flag == "127.5,102,76.5/51,76.5,255"
    logits = numbers(ours(normalized(pixels(8), flag)))
    np.testing.assert_allclose(logits, numbers(model(pixels(8))), atol=1e-5)
    ours.save(tmp_path / "ours.keras")
    again = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_array_equal(
        numbers(again(normalized(pixels(8), flag))), logits
    )


def test_preprocessing_within_a_model_within_is_told_of():
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(2.0), layers.Conv2D(4, 3)]
    )
    model = keras.Sequential([keras.Input((8, 8, 3)), inner])
    with pytest.warns(UserWarning, match="normalises again.*rescaling"):
        zoo.logits_of(model, 4)


class Opaque(keras.Model):
    """Its graph cannot be seen."""

    def __init__(self, activation):
        super().__init__()
        self.inner = layers.Dense(4, activation=activation)

    def call(self, images):
        return self.inner(ops.mean(images, axis=(1, 2)))


@pytest.mark.traced
def test_models_that_cannot_be_looked_into():
    model = Opaque(None)
    ours = zoo.logits_of(model, 4)
    np.testing.assert_array_equal(
        numbers(ours(pixels(8))), numbers(model(pixels(8)))
    )
    with pytest.raises(InputError, match="not probabilities"):
        zoo.logits_of(Opaque("softmax"), 4)


def two_outputs():
    images = keras.Input((8, 8, 3))
    return keras.Model(images, [images, images])


@pytest.mark.parametrize(
    "model, message",
    [
        (lambda: small(layers.Dense(5)), "num_classes=4, output .*None, 5"),
        (lambda: keras.Sequential([layers.Dense(4)]), "begin with keras.Input"),
        (two_outputs, "one input and one output. Received: 1 and 2"),
    ],
)
def test_models_that_are_no_classifiers(model, message):
    with pytest.raises(InputError, match=message):
        zoo.logits_of(model(), 4)


# keras-cv and keras-hub


class Backbone(keras.Model):
    """As keras-cv's and keras-hub's base classes are used."""

    presets_with_weights = {}

    @classmethod
    def from_preset(cls, preset, load_weights=True, dtype=None, **options):
        if preset == "served":
            raise ConnectionError("Max retries exceeded\nwith url")
        options = {"include_rescaling": False} | options
        made = TinyBackbone(dtype=dtype, **options)
        if load_weights:
            randomize(made)
        return made


class TinyBackbone(Backbone):
    presets_with_weights = {"tiny_coco": {}, "tiny_imagenet": {}}

    def __init__(
        self, include_rescaling, width=4, dtype=None, image_shape=(32, 32, 3)
    ):
        images = keras.Input(image_shape)
        x = layers.Rescaling(1 / 255)(images) if include_rescaling else images
        x = layers.Conv2D(width, 3, use_bias=False, dtype=dtype)(x)
        super().__init__(images, x)


class ServedBackbone(Backbone):
    def __new__(cls, **options):
        return cls.from_preset("served")


@pytest.fixture
def keras_cv(monkeypatch):
    """A package in its place."""
    models = types.SimpleNamespace(
        Backbone=Backbone,
        TinyBackbone=TinyBackbone,
        ServedBackbone=ServedBackbone,
    )
    package = types.SimpleNamespace(models=models)
    monkeypatch.setitem(sys.modules, "keras_cv", package)


@pytest.mark.traced
def test_backbone_by_name_with_options(keras_cv):
    model = zoo.create_from_zoo(
        "keras_cv:tinybackbone(width=6)", num_classes=3, dtype="mixed_bfloat16"
    )
    assert [type(layer).__name__ for layer in model.layers] == [
        "InputLayer",
        "Conv2D",
        "GlobalAveragePooling2D",
        "Dense",
    ]
    assert model.layers[1].compute_dtype == "bfloat16"
    assert model.layers[1].filters == 6
    images = pixels() / 60 - 2
    maps = keras.Model(model.input, model.layers[1].output)(images)
    kernel, bias = map(numbers, model.get_layer("head").weights)
    np.testing.assert_allclose(
        numbers(model(images)),
        numbers(maps).mean((1, 2)) @ kernel + bias,
        atol=1e-5,
    )
    assert zoo.published_normalization("keras_cv:TinyBackbone") == "none"


def test_backbone_with_weights(keras_cv, tmp_path):
    expected = TinyBackbone(False)
    randomize(expected)
    expected.save_weights(tmp_path / "tiny.weights.h5")
    for weights in ("imagenet", str(tmp_path / "tiny.weights.h5")):
        model = zoo.create_from_zoo(
            "keras_cv:TinyBackbone", num_classes=3, weights=weights
        )
        np.testing.assert_array_equal(
            numbers(model.weights[0]), numbers(expected.weights[0])
        )


@pytest.mark.parametrize(
    "text, weights, message",
    [
        ("TinyBackbon", None, "did you mean TinyBackbone.*model=keras_cv:Tin"),
        ("zzz", None, "it has TinyBackbone, ServedBackbone. Received: .*zzz"),
        ("TinyBackbone(6)", None, "Name.option=value.*TinyBackbone.6.$"),
        ("TinyBackbone(depth=6)", None, "cannot make this.*TypeError: .*depth"),
        ("ServedBackbone", None, r"a server .*\(ConnectionError: .*with url\)"),
        ("ServedBackbone", "imagenet", "there is one .*presets .*$"),
        ("TinyBackbone", "none.h5", "a file of Keras weights.*none.h5"),
    ],
)
def test_backbones_that_cannot_be_made(keras_cv, text, weights, message):
    with pytest.raises(InputError, match=message) as told:
        zoo.create_from_zoo(f"keras_cv:{text}", num_classes=3, weights=weights)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("package", ["keras_cv", "keras_hub"])
def test_package_that_is_missing(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    message = f"pip install {package.replace('_', '-')}"
    with pytest.raises(InputError, match=message):
        zoo.create_from_zoo(f"{package}:Any", num_classes=3)


def test_real_backbone_of_keras_cv():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("keras-cv is for TensorFlow")
    pytest.importorskip("keras_cv")
    model = zoo.create_from_zoo(
        "keras_cv:ResNetBackbone(stackwise_filters=[8, 16], "
        "stackwise_blocks=[1, 1], stackwise_strides=[1, 2])",
        num_classes=3,
    )
    # Kernels and biases of the stem and, by stage, 1x1 in, 3x3, 1x1 out (four
    # times wider) and 1x1 on the shortcut; two norms' worth of 4 per channel.
    count = 49 * 3 * 64 + 4 * 64
    for channels, width in ((64, 8), (32, 16)):
        count += width * (channels + 9 * width + 4 * width + 4 * channels)
        count += 4 * (width + width + 4 * width + 4 * width)
    assert model.count_params() == count + 64 * 3 + 3
    assert not first_layers(model)


class Classifier:
    """As keras-hub's ImageClassifier is used."""

    @classmethod
    def from_preset(cls, preset, preprocessor, dtype, load_weights=True):
        assert preprocessor is None
        backbone = Backbone.from_preset(preset, load_weights, dtype)
        if preset == "backbone":
            raise TypeError("missing num_classes")
        x = layers.GlobalAveragePooling2D(dtype=dtype)(backbone.output)
        x = layers.Dense(7, activation="softmax", dtype=dtype)(x)
        model = keras.Model(backbone.input, x)
        if load_weights:
            randomize(model)
        model.num_classes, model.backbone = 7, backbone
        return model


class Converter:
    scale, offset = [0.02, 0.01, 0.1], [-2.0, -1.0, 0.0]

    @classmethod
    def from_preset(cls, preset):
        if preset == "served":
            raise ConnectionError("no route")
        return cls


@pytest.fixture
def keras_hub(monkeypatch):
    models = types.SimpleNamespace(
        Backbone=Backbone, ImageClassifier=Classifier
    )
    package = types.SimpleNamespace(
        models=models, layers=types.SimpleNamespace(ImageConverter=Converter)
    )
    monkeypatch.setitem(sys.modules, "keras_hub", package)
    return functools.partial(zoo.create_from_zoo, "keras_hub:teacher")


@pytest.mark.traced
def test_preset_as_a_ready_made_teacher(keras_hub):
    expected = Classifier.from_preset("teacher", None, None)
    teacher = keras_hub(num_classes=7, weights="imagenet")
    logits = numbers(teacher(pixels() / 255))
    again = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        again, numbers(expected(pixels() / 255)), atol=1e-6
    )
    other = keras_hub(num_classes=3, weights="imagenet")
    np.testing.assert_array_equal(
        numbers(other.weights[0]), numbers(expected.weights[0])
    )
    assert other.get_layer("head").units == 3
    backbone = zoo.create_from_zoo(
        "keras_hub:backbone", num_classes=3, weights="imagenet"
    )
    np.testing.assert_array_equal(
        numbers(backbone.weights[0]), numbers(expected.weights[0])
    )


@pytest.mark.traced
def test_a_teacher_is_built_alike_with_and_without_its_weights(
    keras_hub, tmp_path
):
    """A run that began with them is rebuilt without them."""
    teacher = keras_hub(num_classes=7, weights="imagenet")
    teacher.save_weights(tmp_path / "a.weights.h5")
    again = keras_hub(num_classes=7)
    again.load_weights(tmp_path / "a.weights.h5")
    x = pixels() / 255
    np.testing.assert_array_equal(numbers(again(x)), numbers(teacher(x)))


@pytest.mark.traced
def test_preset_with_random_weights(keras_hub):
    first = keras_hub(num_classes=3, dtype="mixed_bfloat16")
    again, other = keras_hub(num_classes=3), keras_hub(num_classes=3, seed=1)
    assert first.layers[1].compute_dtype == "bfloat16"
    assert first.output.dtype == "float32"
    kernel = numbers(first.weights[0])
    np.testing.assert_array_equal(numbers(again.weights[0]), kernel)
    assert not np.array_equal(numbers(other.weights[0]), kernel)
    large = keras_hub(num_classes=3, image_size=48)
    assert large.input_shape == (None, 48, 48, 3)


def test_preset_normalization(keras_hub):
    # x' = scale x + offset has the mean -offset / scale, the deviation 1/scale.
    flag = zoo.published_normalization("keras_hub:teacher")
    assert flag == "100,100,0/50,100,10"
    for call in (
        zoo.published_normalization,
        functools.partial(zoo.create_from_zoo, num_classes=3),
    ):
        with pytest.raises(InputError, match="server .*ConnectionError: "):
            call("keras_hub:served")


def test_preprocessing_and_softmax_are_both_taken_off():
    images = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x))
    model = keras.Model(images, layers.Dense(5, activation="softmax")(x))
    with pytest.warns(UserWarning, match="--normalize=0,0,0/255"):
        logits = zoo.logits_of(model, 5)
    x = np.random.RandomState(0).uniform(0, 1, (3, 16, 16, 3))
    found = ops.softmax(logits(x.astype("float32")))
    expected = model(255 * x.astype("float32"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-6
    )
