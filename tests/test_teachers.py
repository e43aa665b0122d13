"""Every kind of teacher says of the student's images what it says of its own
images: the same pixels, normalised and sized as it was trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerastricks
from kerastricks import build, models, trained
from kerastricks.augment import Normalize
from kerastricks.errors import InputError
from kerastricks.models.weights import start
from kerastricks.models.weights.torch_names import torch_names, torch_shape
from kerastricks.run_dir import RunDir
from kerastricks.serving import write_saved_model
from kerastricks.teachers import load_teachers
from kerastricks.teachers.adapt import ResizeTo, adapt, resize_matrix

NAMES = ("blue", "green", "red")
OURS = Normalize((100.0, 90.0, 80.0), (50.0, 40.0, 30.0))
SIDE = 24


@pytest.fixture(scope="module")
def pixels():
    """Two images on 0..255, after augmentation: no whole numbers."""
    random = np.random.RandomState(0)
    return random.uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)


def normalized(pixels, normalize):
    return np.asarray(normalize(pixels)[0])


def load(text, class_names=NAMES, image_size=SIDE, **options):
    return load_teachers(
        str(text),
        class_names=class_names,
        image_size=image_size,
        normalize=OURS,
        **options,
    )


def said(teacher, pixels):
    logits = teacher(normalized(pixels, OURS), training=False)
    assert logits.dtype == "float32"
    return np.asarray(logits)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """As training leaves it, and what it takes to classify by it."""
    folder = RunDir(tmp_path_factory.mktemp("runs") / "run")
    folder.path.mkdir()
    recipe = kerastricks.Recipe(
        model="resnet10_d", width=0.125, normalize="120,110,100/60,61,62"
    )
    about = {"class_names": NAMES, "image_size": 32, "multi_label": False}
    folder.record(recipe, {"data": about})
    network = build.classifier(recipe, 3, 32, "float32")
    random = np.random.RandomState(0)
    for weight in network.weights:  # no gamma is 1, no mean is 0
        moved = random.uniform(-0.1, 0.2, weight.shape)
        weight.assign_add(moved.astype(np.float32))
    network.save_weights(folder.best_weights)
    return folder, trained.load(recipe, folder)


@pytest.fixture(scope="module")
def saved_model(run):
    """The run's."""
    folder, classifier = run
    write_saved_model(classifier, folder.saved_model)
    return folder.saved_model


@pytest.fixture(scope="module")
def truth(run, pixels):
    """What the run's network says, as it was trained to see."""
    classifier = run[1]
    images = normalized(pixels, classifier.normalize)
    return np.asarray(classifier.model(images, training=False))


def test_a_run_teaches(run, pixels, truth, capsys):
    """It was trained at 32 px, and takes the student's 24 as they are."""
    (teacher,) = load(run[0].path)
    np.testing.assert_allclose(said(teacher, pixels), truth, rtol=1e-5)
    assert "on images of 24 px" in capsys.readouterr().out


def test_a_teacher_never_changes(run, pixels, truth):
    (teacher,) = load(run[0].path)
    assert teacher.trainable_variables == []
    before = list(map(keras.ops.convert_to_numpy, teacher.variables))
    again = teacher(normalized(pixels, OURS), training=True)
    np.testing.assert_allclose(again, truth, rtol=1e-5)
    for variable, value in zip(teacher.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_teacher_is_one_flat_graph(run, pixels):
    """So that features can be taken out of it: here the head's input."""
    (teacher,) = load(run[0].path)
    head = next(
        layer for layer in teacher.layers if type(layer) is keras.layers.Dense
    )
    features = keras.Model(teacher.input, head.input)
    images = normalized(pixels, OURS)
    found = head(features(images))
    np.testing.assert_allclose(found, teacher(images), atol=1e-6)


def test_precision_is_the_students(run, pixels, truth):
    (teacher,) = load(run[0].path, precision="mixed_bfloat16")
    kinds = {
        layer.compute_dtype
        for layer in teacher.layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    assert kinds == {"bfloat16"}
    found = said(teacher, pixels)
    assert 0 < np.abs(found - truth).max() < 0.1 * np.abs(truth).max()


def test_a_file_of_weights_teaches(run, pixels, truth, tmp_path):
    """Trained on images normalised as the student's."""
    network = models.create("resnet20", num_classes=3, seed=1)
    file = tmp_path / "teacher.weights.h5"
    network.save_weights(file)
    first, second = load(f"resnet20={file}, {run[0].path}")
    expected = network(normalized(pixels, OURS), training=False)
    np.testing.assert_allclose(said(first, pixels), expected, atol=1e-5)
    np.testing.assert_allclose(said(second, pixels), truth, rtol=1e-4)


def test_a_small_stem_is_found(tmp_path, pixels):
    network = models.create(
        "resnet10_d", num_classes=3, image_size=SIDE, seed=2
    )
    file = tmp_path / "teacher.weights.h5"
    network.save_weights(file)
    (teacher,) = load(f"resnet10_d={file}")
    expected = network(normalized(pixels, OURS), training=False)
    np.testing.assert_allclose(said(teacher, pixels), expected, atol=1e-5)


def test_torch_trained_on_images_as_imagenets(monkeypatch, pixels):
    """And with a large stem, which the student's images would not have."""
    network = models.create("resnet10_d", num_classes=3, width=1.0)
    random = np.random.RandomState(0)
    shapes = {weight.path: tuple(weight.shape) for weight in network.weights}
    tensors = {
        name: random.uniform(0.01, 0.1, torch_shape(shapes[path]))
        for path, (name, _) in torch_names(network).items()
    }
    monkeypatch.setattr(start, "read_tensors", lambda path: tensors)
    start.copy_from(network, "any.safetensors")
    images = normalized(pixels, Normalize())  # ImageNet's
    expected = network(images, training=False)
    (teacher,) = load("resnet10_d=any.safetensors")
    np.testing.assert_allclose(said(teacher, pixels), expected, rtol=1e-4)


def application(
    weights="imagenet",
    input_tensor=None,
    input_shape=(32, 32, 3),
    classes=1000,
    classifier_activation="softmax",
):
    """A small one; its published weights are those of a seed."""
    seed = 5 if weights == "imagenet" else 6
    start = keras.initializers.GlorotUniform(seed)
    images = keras.Input(input_shape) if input_tensor is None else input_tensor
    x = keras.layers.Conv2D(4, 3, name="conv", kernel_initializer=start)(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(
        classes,
        activation=classifier_activation,
        kernel_initializer=start,
        name="predictions",
    )(x)
    return keras.Model(images, x)


MANY = [str(number) for number in range(1000)]


@pytest.mark.parametrize("way", ["download", "file"])
def test_the_zoo_teaches(way, monkeypatch, pixels, tmp_path):
    """ResNet50: pixels less the mean, blue first, not divided."""
    published = application(input_shape=(SIDE, SIDE, 3))
    monkeypatch.setattr(keras.applications, "ResNet50", application)
    file = tmp_path / "published.h5"
    published.save(file)
    text = "keras:ResNet50" + ("" if way == "download" else f"={file}")
    (teacher,) = load(text, class_names=MANY)
    bgr = pixels[..., ::-1] - np.float32([103.939, 116.779, 123.68])
    chances = np.exp(said(teacher, pixels))
    chances /= chances.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(chances, published(bgr), rtol=1e-4)


# SavedModels


def test_our_own_saved_model_teaches(saved_model, pixels, truth):
    (teacher,) = load(saved_model)
    np.testing.assert_allclose(said(teacher, pixels), truth, rtol=1e-5)
    assert teacher.variables == []  # they are not Keras's to save

    @tf.function(jit_compile=True)
    def compiled(images):
        return teacher(images, training=False)

    found = compiled(tf.constant(normalized(pixels, OURS)))
    np.testing.assert_allclose(found, truth, rtol=1e-5)


def exported(path, outputs, sides=(None, None), dtype=tf.float32, **options):
    """Another program's: the image's mean of each colour, times 0.3."""

    class Module(tf.Module):
        def __init__(self):
            self.factor = tf.Variable(0.3)

        @tf.function(input_signature=[tf.TensorSpec([None, *sides, 3], dtype)])
        def serve(self, images):
            images = tf.cast(images, tf.float32)
            return outputs(self.factor * tf.reduce_mean(images, [1, 2]))

    module = Module()
    tf.saved_model.save(module, str(path), options.get("name", module.serve))
    return path


def test_another_saved_model_gets_the_students_images(tmp_path, pixels):
    images = normalized(pixels, OURS)
    expected = 0.3 * images.mean(axis=(1, 2))
    (teacher,) = load(exported(tmp_path / "a", lambda x: {"any": x}))
    np.testing.assert_allclose(said(teacher, pixels), expected, atol=1e-6)


def test_probabilities_become_their_logarithms(tmp_path, pixels):
    path = exported(tmp_path / "a", lambda x: {"any": tf.nn.softmax(x)})
    (teacher,) = load(path)
    logits = 0.3 * normalized(pixels, OURS).mean(axis=(1, 2))
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(said(teacher, pixels), expected, atol=1e-6)
    zero = exported(
        tmp_path / "b", lambda x: {"any": tf.one_hot(tf.argmax(x, 1), 3)}
    )
    assert np.isfinite(said(load(zero)[0], pixels)).all()


def test_images_are_resized_for_who_takes_one_size_only(tmp_path, pixels):
    path = exported(tmp_path / "a", lambda x: {"any": x}, (12, 16))
    (teacher,) = load(path)
    images = normalized(pixels, OURS)
    small = tf.image.resize(images, (12, 16), antialias=True)
    expected = 0.3 * np.mean(small, axis=(1, 2))
    np.testing.assert_allclose(said(teacher, pixels), expected, atol=1e-6)


# Refusals


@pytest.mark.parametrize(
    "text, message",
    [
        ("no/such/run", "must be a run's folder, .*teacher=no/such/run"),
        ("", "one teacher, or several.*teacher="),
        ("keras:ResNet50,", "one teacher, or several.*ResNet50,"),
        ("resnet50", r"with its weights only: NAME=FILE\. .*=resnet50"),
        ("resnet50=no.weights.h5", "a file that exists.*no.weights.h5"),
        ("resnet51=no.weights.h5", "did you mean.*resnet51"),
        ("keras:ResNet50", "ResNet50 with 1000 classes, the student has 3"),
    ],
)
def test_what_is_no_teacher(text, message):
    with pytest.raises(InputError, match=message):
        load(text)


def test_a_file_needs_its_network(tmp_path):
    file = tmp_path / "a.weights.h5"
    file.touch()
    with pytest.raises(InputError, match="needs its network: NAME=FILE"):
        load(file)


def test_other_classes_are_refused(run, saved_model):
    for path in (run[0].path, saved_model):
        with pytest.raises(InputError, match="class 1 is green there and teal"):
            load(path, class_names=("blue", "teal", "red"))
        with pytest.raises(InputError, match="class 0 is blue there and green"):
            load(path, class_names=("green", "blue", "red"))
        with pytest.raises(InputError, match="3 classes, the student has 2"):
            load(path, class_names=("blue", "green"))


def test_a_run_without_weights_is_refused(run, tmp_path):
    for name in ("recipe.flags", "effective.json"):
        (tmp_path / name).write_bytes((run[0].path / name).read_bytes())
    with pytest.raises(InputError, match="no weights yet.*teacher="):
        load(tmp_path)


def test_a_run_of_several_classes_an_image_is_refused(run, tmp_path):
    text = run[0].effective_file.read_text()
    several = text.replace('"data": {', '"data": {"multi_label": true,', 1)
    assert several != text
    about = several.replace('"multi_label": false', '"was": false')
    (tmp_path / "effective.json").write_text(about)
    (tmp_path / "recipe.flags").write_bytes(run[0].recipe_file.read_bytes())
    with pytest.raises(InputError, match="images of one class each"):
        load(tmp_path)


def test_weights_without_the_classifier_are_refused(tmp_path):
    file = tmp_path / "a.weights.h5"
    models.create("resnet20", num_classes=5).save_weights(file)
    with pytest.raises(InputError, match="classifier for the student's 3 cla"):
        load(f"resnet20={file}")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dtype": tf.uint8}, "take images, float.*uint8"),
        ({"sides": (4, 4), "name": {}}, "have the signature serving_default"),
    ],
)
def test_signatures_that_cannot_teach(options, message, tmp_path):
    path = exported(tmp_path / "a", lambda x: {"any": x}, **options)
    with pytest.raises(InputError, match=message):
        load(path)


def test_a_signature_of_other_classes_is_refused(tmp_path):
    path = exported(tmp_path / "a", lambda x: {"any": x[:, :2]})
    with pytest.raises(InputError, match="2 classes, the student has 3"):
        load(path)


def test_our_saved_models_from_before_are_refused(run, tmp_path):
    """They have no signature to teach by."""
    archive = keras.export.ExportArchive()
    archive.track(run[1].model)
    spec = [tf.TensorSpec([None], tf.string, name="image_bytes")]
    archive.add_endpoint("serve_bytes", lambda image_bytes: image_bytes, spec)
    archive.write_out(str(tmp_path / "old"), verbose=False)
    with pytest.raises(InputError, match="export its run again"):
        load(tmp_path / "old")


def test_saved_models_teach_on_tensorflow_only(saved_model, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="on the tensorflow backend only"):
        load(saved_model)


# What stands in front of a network


@pytest.mark.traced
def test_images_are_normalised_anew(pixels):
    theirs = Normalize((127.5,) * 3, (127.5,) * 3)
    found = adapt(normalized(pixels, OURS), OURS, theirs, ())
    np.testing.assert_allclose(found, pixels / 127.5 - 1, atol=1e-6)


@pytest.mark.traced
@pytest.mark.parametrize("sides", [(12, 12), (7, 30), (24, 48)], ids=str)
def test_resizing_is_tensorflows_antialiased(sides, pixels):
    expected = tf.image.resize(pixels, sides, antialias=True)
    found = ResizeTo(sides)(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_shares_of_pixels():
    """Two old pixels in a new one, and a quarter of each neighbour."""
    found = resize_matrix(6, 3)
    expected = [[3, 3, 1, 0, 0, 0], [0, 1, 3, 3, 1, 0], [0, 0, 0, 1, 3, 3]]
    sums = np.sum(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected / sums, rtol=1e-6)
    np.testing.assert_array_equal(resize_matrix(4, 4), np.eye(4))
