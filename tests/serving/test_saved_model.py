"""The SavedModel answers as evaluation measured, without Keras."""

import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerastricks import build, outcome, trained, views
from kerastricks.augment import Normalize
from kerastricks.data.squares import Squares
from kerastricks.errors import InputError
from kerastricks.evaluation import softmax
from kerastricks.evaluation.tta import Tta
from kerastricks.layers import FusedBatchNorm
from kerastricks.run_dir import RunDir
from kerastricks.serving import write_saved_model

SERVE = """
import json, pathlib, sys
import numpy as np
import tensorflow as tf

# TensorFlow's own import drags some of Keras in: take it out, and let nobody
# fetch it again.
OURS = ("keras", "kerastricks", "keras_cv", "tf_keras")
for name in [n for n in sys.modules if n.split(".")[0] in OURS]:
    del sys.modules[name]

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in OURS:
            raise ImportError(f"the served model must not need {name}")

sys.meta_path.insert(0, Refuse())
model = tf.saved_model.load(sys.argv[1])
files = sorted(pathlib.Path(sys.argv[2]).glob("val/*/*.jpg"))
data = tf.constant([file.read_bytes() for file in files])
by_bytes = model.signatures["serve_bytes"](image_bytes=data)
one_by_one = [
    model.signatures["serving_default"](
        images=tf.io.decode_jpeg(d, 3, dct_method="INTEGER_ACCURATE")[None]
    )["probabilities"][0].numpy().tolist()
    for d in data
]
print(json.dumps({
    "by_bytes": by_bytes["probabilities"].numpy().tolist(),
    "by_pixels": one_by_one,
    "indices": by_bytes["top_k_indices"].numpy().tolist(),
    "classes": [[c.decode() for c in row]
                for row in by_bytes["top_k_classes"].numpy()],
}))
"""


def test_saved_model_serves_what_evaluate_measured(finished, image_folder):
    """In a process that never imports keras or kerastricks."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SERVE,
            finished.run_dir / "saved_model",
            image_folder,
        ],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    served = json.loads(done.stdout.splitlines()[-1])

    folder = RunDir(finished.run_dir)
    recipe = folder.recipe()
    classifier = trained.load(recipe, folder)
    judged = outcome.judge(recipe, classifier, build.data(recipe))
    assert classifier.temperature == finished.temperature
    expected = softmax(judged.logits / finished.temperature)
    np.testing.assert_allclose(served["by_bytes"], expected, atol=1e-5)
    np.testing.assert_allclose(served["by_pixels"], expected, atol=1e-5)
    np.testing.assert_array_equal(
        served["indices"], np.argsort(-expected, axis=1, kind="stable")
    )
    names = np.array(["blue", "green", "red"])
    assert served["classes"] == names[served["indices"]].tolist()


def small_classifier():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False),
            FusedBatchNorm(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )


class Code(keras.Model):
    """A classifier that is Python code: nothing to walk and fold."""

    def __init__(self):
        super().__init__()
        self.network = small_classifier()
        self(np.zeros((1, 8, 8, 3)))

    def call(self, images, training=None):
        return self.network(images, training=training)


@pytest.mark.parametrize(
    "make, norms", [(small_classifier, 0), (Code, 1)], ids=["graph", "code"]
)
def test_batch_norms_are_folded_where_they_can_be(tmp_path, make, norms):
    model = make()
    random = np.random.RandomState(0)
    for weight in model.weights:
        weight.assign(random.uniform(0.5, 1.5, weight.shape))
    classifier = trained.Trained(
        model,
        ("cat", "dog"),
        Squares(8),
        Normalize((0, 0, 0), (255,) * 3),
        temperature=2.0,
    )
    images = random.randint(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    write_saved_model(classifier, tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures[
        "serving_default"
    ]
    squares = np.asarray(classifier.squares.centre(images)) / 255
    expected = softmax(np.asarray(model(squares.astype(np.float32))) / 2)
    found = serve(images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    functions = serve.graph.as_graph_def().library.function
    kinds = [node.op for function in functions for node in function.node_def]
    assert "Conv2D" in kinds
    assert kinds.count("FusedBatchNormV3") == norms


# Test-time augmentation


@pytest.mark.parametrize(
    "tta",
    [
        Tta("flip"),
        Tta("tencrop", of="logits", by="max"),
        Tta("multiscale=1/1.25", by="max"),
    ],
    ids=lambda tta: tta.kind,
)
def test_views_are_served_as_they_were_evaluated(
    finished, image_folder, tmp_path, tta
):
    folder = RunDir(finished.run_dir)
    recipe = folder.recipe()
    # Far from 1, whatever this small run has.
    classifier = dataclasses.replace(
        trained.load(recipe, folder), temperature=0.5
    )
    write_saved_model(classifier, tmp_path / "model", tta=tta)
    splits = build.evaluation_data(recipe)
    measured = views.tta_logits(recipe, classifier, splits, tta)
    expected = softmax(measured / 0.5)
    plain = softmax(outcome.judge(recipe, classifier, splits).logits / 0.5)
    assert np.abs(plain - expected).max() > 1e-4

    model = tf.saved_model.load(tmp_path / "model").signatures
    files = sorted(image_folder.glob("val/*/*.jpg"))
    data = tf.constant([file.read_bytes() for file in files])
    served = model["serve_bytes"](image_bytes=data)["probabilities"]
    np.testing.assert_allclose(served, expected, atol=1e-5)
    np.testing.assert_array_equal(
        np.argmax(served, axis=1), measured.argmax(axis=1)
    )
    for i in (0, len(files) - 1):  # pictures have sizes of their own
        pixels = classifier.squares.decode(data[i])[None]
        served = model["serving_default"](images=pixels)["probabilities"]
        np.testing.assert_allclose(served, expected[i : i + 1], atol=1e-5)


@pytest.mark.parametrize(
    "kind, message",
    [
        ("center+4", "looks at fixed views"),
        ("multiscale=1/1.5", "8 pixels only"),
    ],
)
def test_views_that_cannot_be_served(tmp_path, kind, message):
    classifier = trained.Trained(
        small_classifier(), ("cat", "dog"), Squares(8), Normalize()
    )
    with pytest.raises(InputError, match=message):
        write_saved_model(classifier, tmp_path / "model", tta=Tta(kind))
    assert not (tmp_path / "model").exists()
