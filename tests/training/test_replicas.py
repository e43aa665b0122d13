"""A step on two replicas is the step on one, whatever it does besides.

In a process of its own: a TensorFlow that has begun to work makes no second
logical device.
"""

import json
import subprocess
import sys

import keras
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="tf.distribute"
    ),
]

SCRIPT = """
import contextlib, json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)

import keras
from keras import ops
from kerastricks.augment import Normalize
from kerastricks.layers import FusedBatchNorm
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.optimizers.clipping import Clip
from kerastricks.training import Distiller, Ema, Learner, Sam

UNIT = Normalize((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
random = np.random.RandomState(0)
IMAGES = random.uniform(0, 255, (32, 4, 4, 3)).astype(np.float32)
LABELS = random.randint(0, 3, 32)


def network(dtype="float32"):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Flatten(dtype="float32"),
            keras.layers.Dense(8, activation="relu", dtype=dtype),
            keras.layers.Dense(3, dtype="float32"),
        ]
    )


def run(strategy, images=IMAGES, layers="float32", teacher=False, **options):
    with strategy.scope() if strategy else contextlib.nullcontext():
        kind = Learner
        if teacher:
            kind, options = Distiller, options | {"teachers": [network()]}
        learner = kind(network(layers), [UNIT], **options)
        learner.compile(SGD(0.5, momentum=0.9), SoftCrossEntropy())
        learner.optimizer.build(learner.trainable_variables)
    batches = tf.data.Dataset.from_tensor_slices((images, LABELS)).batch(8)
    options = tf.data.Options()
    loss = learner.fit(batches, epochs=2, shuffle=False, verbose=0)
    found = [*learner.model.variables, *learner.averages]
    numbers = [ops.convert_to_numpy(v).tolist() for v in found]
    bad = int(ops.convert_to_numpy(learner.first_bad_step))
    return numbers, loss.history["loss"], bad


both = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
half = {"dtype": "mixed_float16"}
cases = {
    "plain": {},
    "clip": {"clip": Clip(0.05)},
    "agc": {"clip": Clip(0.01, "agc")},
    "sam": {"sam": Sam(0.05)},
    "sam_every": {"sam": Sam(0.05, every=2)},
    "accumulate": {"accumulate": 2},
    "average": {"average": Ema(0.9)},
    "distiller": {"teacher": True},
    "all": {
        "clip": Clip(0.05),
        "sam": Sam(0.5, adaptive=True, every=3),
        "accumulate": 4,
        "average": Ema(0.9),
        "teacher": True,
    },
    "scaled": half,
    "scaled_clip": half | {"clip": Clip(0.05)},
}
found = {name: (run(None, **o), run(both, **o)) for name, o in cases.items()}
# Too much for float16 in what the second replica sees of the first batch.
broken = IMAGES.copy()
broken[4:8] = 1e8
options = half | {"layers": "mixed_float16"}
found["overflow"] = run(None, broken, **options), run(both, broken, **options)


def statistics():
    # Of a batch norm, on each replica, after a step of eight images.
    images = np.arange(8 * 48, dtype=np.float32).reshape(8, 4, 4, 3) / 2
    with both.scope():
        norm = FusedBatchNorm()
        layers = [keras.Input((4, 4, 3)), norm, keras.layers.Flatten()]
        head = keras.layers.Dense(3, dtype="float32")
        learner = Learner(keras.Sequential([*layers, head]), [UNIT])
        learner.compile(SGD(0.5), SoftCrossEntropy())
    batches = tf.data.Dataset.from_tensor_slices((images, LABELS[:8])).batch(8)
    learner.fit(batches, verbose=0)
    halves = (images / 255).reshape(2, -1, 3)
    return [
        [copy.numpy().tolist() for copy in norm.moving_mean.value.values],
        [copy.numpy().tolist() for copy in norm.moving_variance.value.values],
        (0.1 * halves.mean(1).mean(0)).tolist(),
        (0.9 + 0.1 * halves.var(1).mean(0)).tolist(),
    ]


found["statistics"] = statistics()
print("FOUND", json.dumps(found))
"""
CASES = (
    *("plain", "clip", "agc", "sam", "sam_every", "accumulate", "average"),
    *("distiller", "all", "scaled", "scaled_clip", "overflow"),
)


@pytest.fixture(scope="module")
def found():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    line = next(x for x in done.stdout.splitlines() if x.startswith("FOUND"))
    return json.loads(line.removeprefix("FOUND"))


def flat(numbers):
    if isinstance(numbers, list):
        return [number for part in numbers for number in flat(part)]
    return [numbers]


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_do_what_one_does(found, case):
    one, two = found[case]
    loose = 3e-4 if case == "overflow" else 2e-6  # float16's own rounding
    assert flat(two[0]) == pytest.approx(flat(one[0]), abs=loose)
    if case != "overflow":
        assert two[1] == pytest.approx(one[1], rel=2e-6)
    assert one[2] == two[2]


def test_an_overflow_on_the_second_replica_is_seen_by_both(found):
    (_, _, one), (numbers, _, two) = found["overflow"]
    assert one == two == 0
    assert all(abs(number) < 100 for number in flat(numbers))


def test_batch_norms_statistics_are_the_means_of_the_replicas(found):
    means, variances, mean, variance = found["statistics"]
    assert len(means) == len(variances) == 2
    for one in means:
        assert one == pytest.approx(mean, rel=1e-5)
    for one in variances:
        assert one == pytest.approx(variance, rel=1e-5)
