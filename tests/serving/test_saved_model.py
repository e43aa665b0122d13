"""The SavedModel answers as evaluation measured, without Keras."""

import json
import subprocess
import sys

import numpy as np

from kerastricks import build, outcome, trained
from kerastricks.evaluation import softmax
from kerastricks.run_dir import RunDir

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
    judged = outcome.judge(
        recipe, trained.load(recipe, folder), build.data(recipe)
    )
    expected = softmax(judged.logits)
    np.testing.assert_allclose(served["by_bytes"], expected, atol=1e-5)
    np.testing.assert_allclose(served["by_pixels"], expected, atol=1e-5)
    np.testing.assert_array_equal(
        served["indices"], np.argsort(-expected, axis=1, kind="stable")
    )
    names = np.array(["blue", "green", "red"])
    assert served["classes"] == names[served["indices"]].tolist()
