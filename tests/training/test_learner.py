import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import Augment, MixUp, Normalize, RandomFlip, draws
from kerastricks.augment.beta import beta_from_uniform
from kerastricks.layers import FusedBatchNorm
from kerastricks.losses import BinaryCrossentropy, SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Learner

pytestmark = pytest.mark.traced

SIDE, CLASSES, BATCH = 4, 3, 8
MEAN, STD = (100.0, 120.0, 140.0), (60.0, 70.0, 80.0)
NORMALIZE = Normalize(MEAN, STD)
PASS = Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def linear_model(seed=0):
    """Logits that are linear in the image, so NumPy can follow."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, dtype="float32"),
        ]
    )


def make_learner(augment, rate=0.0, smoothing=0.0, **options):
    learner = Learner(linear_model(), augment, **options)
    learner.compile(SGD(rate), SoftCrossEntropy(smoothing))
    return learner


@pytest.fixture(scope="module")
def data():
    """(images, labels, keys) of three batches."""
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (3 * BATCH, SIDE, SIDE, 3), np.uint8)
    labels = random.randint(0, CLASSES, 3 * BATCH).astype(np.int32)
    keys = random.randint(-(2**31), 2**31, (3 * BATCH, 2)).astype(np.int32)
    return images, labels, keys


def normalized(images):
    return (images - np.array(MEAN)) / np.array(STD)


def one_hot(labels):
    return np.eye(CLASSES)[labels]


def logits_of(learner, images):
    kernel, bias = (ops.convert_to_numpy(w) for w in learner.model.weights)
    return images.reshape(len(images), -1) @ kernel.astype(float) + bias


def cross_entropy(logits, targets):
    logits = logits - logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -(targets * logs).sum(axis=1).mean()


def augmented(images, labels, keys):
    """Flip, normalise and mix one batch in NumPy, from the keys' draws."""
    flipped = ops.convert_to_numpy(draws.uniform(keys, "flip"))[:, 0] < 0.5
    images = np.where(flipped[:, None, None, None], images[:, :, ::-1], images)
    targets = labels if labels.ndim == 2 else one_hot(labels)
    images = normalized(images)
    draw = draws.uniform(keys[:1], "mixup weight")[0, 0]
    weight = float(beta_from_uniform(draw, 1.0))
    order = ops.convert_to_numpy(draws.permutation(keys, "mixup order"))
    return (
        weight * images + (1 - weight) * images[order],
        weight * targets + (1 - weight) * targets[order],
    )


def expected_step(learner, images, labels, keys, smoothing=0.0):
    """(loss, top1) of a batch."""
    images, targets = augmented(images, labels, keys)
    logits = logits_of(learner, images)
    top1 = targets[np.arange(len(targets)), logits.argmax(axis=1)].mean()
    targets = (1 - smoothing) * targets + smoothing / CLASSES
    return cross_entropy(logits, targets), top1


TRICKS = [RandomFlip(0.5), NORMALIZE, MixUp(1.0)]


def fit(learner, *data, epochs=1, **options):
    """The last epoch's numbers."""
    history = learner.fit(
        *data,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **options,
    )
    return {name: values[-1] for name, values in history.history.items()}


@pytest.fixture(scope="module")
def trained(data):
    """(learner at rate 0, its training numbers on keyed batches)."""
    images, labels, keys = data
    learner = make_learner(TRICKS, smoothing=0.1)
    return learner, fit(learner, {"image": images, "key": keys}, labels)


def test_draws_in_the_step_are_those_of_the_keys(trained, data):
    learner, found = trained
    steps = [
        expected_step(learner, *(part[i : i + BATCH] for part in data), 0.1)
        for i in range(0, 3 * BATCH, BATCH)
    ]
    loss, top1 = np.mean(steps, axis=0)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert found["top1"] == pytest.approx(top1, rel=1e-5)
    assert found["top5"] == 1.0  # all three classes are among the best


def test_steps_are_counted_and_none_was_bad(trained):
    learner, _ = trained
    assert int(learner.steps_done) == 3
    assert int(learner.first_bad_step) == -1


def test_evaluation_is_plain(trained, data):
    learner, _ = trained
    images, labels, keys = data
    found = learner.evaluate(
        {"image": images, "key": keys},
        labels,
        batch_size=7,
        verbose=0,
        return_dict=True,
    )
    logits = logits_of(learner, normalized(images))
    loss = cross_entropy(logits, one_hot(labels))  # without smoothing
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    accuracy = (logits.argmax(axis=1) == labels).mean()
    assert found["top1"] == pytest.approx(accuracy, rel=1e-6)
    assert int(learner.steps_done) == 3


def test_predicting_from_bytes_normalises_them(trained, data):
    learner, _ = trained
    images, _, keys = data
    expected = logits_of(learner, normalized(images))
    for inputs in (images, {"image": images, "key": keys}):
        found = learner.predict(inputs, batch_size=BATCH, verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_floats_are_taken_as_normalised(trained, data):
    learner, _ = trained
    images = normalized(data[0]).astype(np.float32)
    np.testing.assert_allclose(
        ops.convert_to_numpy(learner(images)),
        logits_of(learner, images),
        atol=1e-4,
    )


def test_without_keys_draws_follow_the_step(data):
    images, labels, _ = data
    learner = make_learner(TRICKS)
    found = [fit(learner, images, labels)["loss"] for _ in range(2)]
    expected = []
    for step in range(6):
        part = slice(step % 3 * BATCH, (step % 3 + 1) * BATCH)
        keys = [[step, place] for place in range(BATCH)]
        keys = np.array(keys, np.int32)
        loss, _ = expected_step(learner, images[part], labels[part], keys)
        expected.append(loss)
    np.testing.assert_allclose(
        found, [np.mean(expected[:3]), np.mean(expected[3:])], rtol=1e-5
    )
    assert found[0] != pytest.approx(found[1], rel=1e-3)


def test_alternating_flips_need_keys_with_a_side(data):
    images, labels, keys = data
    learner = make_learner([RandomFlip(alternate=True), NORMALIZE])
    batch = {"image": images[:BATCH], "key": keys[:BATCH]}, labels[:BATCH]
    found, _ = learner.prepare(batch, training=True)
    mirrored = (keys[:BATCH, 1] & 1 == 1)[:, None, None, None]
    flipped = np.where(mirrored, images[:BATCH, :, ::-1], images[:BATCH])
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), normalized(flipped), atol=1e-5
    )
    with pytest.raises(ValueError, match="flips that alternate need batches"):
        learner.prepare((images[:BATCH], labels[:BATCH]), training=True)


def test_prepare_gives_float32_images_and_labels(data):
    images, labels, keys = (part[:BATCH] for part in data)
    learner = make_learner(TRICKS)
    batch = ({"image": images, "key": keys}, ops.convert_to_tensor(labels))
    for training in (True, False):
        found = [
            ops.convert_to_numpy(part)
            for part in learner.prepare(batch, training=training)
        ]
        expected = normalized(images), one_hot(labels)
        if training:
            expected = augmented(images, labels, keys)
        for got, want in zip(found, expected, strict=True):
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, want, atol=1e-5)


def test_soft_labels_are_taken_as_they_come(data):
    images, labels, _ = (part[:BATCH] for part in data)
    targets = (0.6 * one_hot(labels) + 0.4 / CLASSES).astype(np.float32)
    learner = make_learner([NORMALIZE])
    found = fit(learner, images, targets)["loss"]
    expected = cross_entropy(logits_of(learner, normalized(images)), targets)
    assert found == pytest.approx(expected, rel=1e-5)


def test_one_step_moves_the_weights_by_the_gradient(data):
    images, labels, keys = (part[:BATCH] for part in data)
    learner = make_learner(TRICKS, rate=0.5, smoothing=0.1)
    before = [v.copy() for v in learner.model.get_weights()]
    x, targets = augmented(images, labels, keys)
    logits = logits_of(learner, x)
    fit(learner, {"image": images, "key": keys}, labels)
    targets = 0.9 * targets + 0.1 / CLASSES
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True) - targets
    kernel = x.reshape(BATCH, -1).T @ error / BATCH
    for now, was, gradient in zip(
        learner.model.get_weights(),
        before,
        [kernel, error.mean(axis=0)],
        strict=True,
    ):
        np.testing.assert_allclose(now, was - 0.5 * gradient, atol=1e-5)


def test_tricks_can_change_between_fits(data):
    images, labels, keys = data
    learner = make_learner(TRICKS)
    fit(learner, {"image": images, "key": keys}, labels)
    learner.set_augment(Augment([NORMALIZE]))
    found = fit(learner, {"image": images, "key": keys}, labels)
    expected = cross_entropy(
        logits_of(learner, normalized(images)), one_hot(labels)
    )
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("step", [0, 3])
def test_the_first_bad_step_is_the_exact_one(step):
    images = np.zeros((6 * 2, SIDE, SIDE, 3), np.float32)
    images[2 * step + 1] = np.nan  # in one of six batches of two
    learner = make_learner([PASS], rate=0.1)
    learner.fit(images, np.zeros(12), batch_size=2, shuffle=False, verbose=0)
    assert int(learner.first_bad_step) == step
    assert int(learner.steps_done) == 6


@pytest.mark.parametrize(
    "bad, first", [([1, 3, 4], -1), ([2, 3, 4], 2), ([0, 2, 3, 4, 5], 2)]
)
def test_so_many_bad_steps_in_a_row_are_too_many(bad, first):
    images = np.zeros((6 * 2, SIDE, SIDE, 3), np.float32)
    images[[2 * step for step in bad]] = np.nan
    learner = make_learner([PASS], rate=0.0, nan_steps=3)
    # Under float16 a bad gradient is not taken, so the weights stay good.
    learner.optimizer = keras.optimizers.LossScaleOptimizer(SGD(0.1))
    learner.optimizer.build(learner.trainable_variables)
    learner.fit(images, np.zeros(12), batch_size=2, shuffle=False, verbose=0)
    assert int(learner.first_bad_step) == first
    assert int(learner.bad_steps) == (4 if 5 in bad else 0)


def test_float16_scales_the_loss_and_counts_skipped_steps(data):
    images, labels, keys = data
    learner = make_learner([NORMALIZE], rate=0.1, dtype="mixed_float16")
    optimizer = learner.optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    first = fit(learner, {"image": images, "key": keys}, labels)
    last = fit(learner, {"image": images, "key": keys}, labels, epochs=8)
    assert last["loss"] < 0.7 * first["loss"]
    assert int(learner.steps_done) == 27
    assert int(learner.first_bad_step) == -1

    weights = [v.copy() for v in learner.model.get_weights()]
    taken = int(optimizer.inner_optimizer.iterations)
    learner.set_augment(Augment([PASS]))
    endless = np.full((BATCH, SIDE, SIDE, 3), np.inf, np.float32)
    fit(learner, endless, labels[:BATCH])
    for now, was in zip(learner.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, was)
    assert int(optimizer.inner_optimizer.iterations) == taken
    assert int(learner.steps_done) == 28  # the optimizer's count would be 27
    assert int(learner.first_bad_step) == 27


def test_the_models_weights_are_all_that_is_to_save(trained, data, tmp_path):
    learner, _ = trained
    learner.model.save_weights(tmp_path / "best.weights.h5")
    other = Learner(linear_model(seed=9), [NORMALIZE])
    other.model.load_weights(tmp_path / "best.weights.h5")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(other(data[0])),
        ops.convert_to_numpy(learner(data[0])),
    )


def test_the_step_is_compiled_where_that_pays(trained):
    learner, _ = trained
    # JAX compiles with XLA or not at all; TensorFlow's graphs are faster
    # than XLA on a CPU.
    has_gpu = "gpu" in str(keras.distribution.list_devices())
    assert learner.jit_compile == (keras.backend.backend() == "jax" or has_gpu)


def test_the_loss_left_out_is_the_mean_cross_entropy(data):
    images, labels, _ = data
    learners = [Learner(linear_model(), [NORMALIZE]) for _ in range(2)]
    for learner, loss in zip(learners, [None, SoftCrossEntropy()], strict=True):
        learner.compile(SGD(0.1), loss)
    found = [
        learner.fit(images, labels, shuffle=False, verbose=0).history["loss"]
        for learner in learners
    ]
    assert found[0] == found[1]


def test_replicas_agree_on_what_learning_layers_measure(monkeypatch):
    """Each has other statistics; frozen weights are everywhere the same."""
    norm, still = FusedBatchNorm(), FusedBatchNorm()
    layers = [keras.Input((SIDE, SIDE, 3)), norm, still, keras.layers.Flatten()]
    learner = Learner(keras.Sequential([*layers, keras.layers.Dense(CLASSES)]))
    still.trainable = False
    monkeypatch.setattr(Learner, "replicas", 3)
    monkeypatch.setattr(
        "kerastricks.training.learner.sum_over_replicas",
        lambda values: [value * 6 for value in values],
    )
    kept = learner.model.non_trainable_variables
    found = learner.agreed([1.0] * len(kept))
    averaged = [
        variable
        for variable, value in zip(kept, found, strict=True)
        if value == 2
    ]
    assert {id(v) for v in averaged} == {
        id(norm.moving_mean),
        id(norm.moving_variance),
    }
    assert len(kept) == 6


def test_compile_takes_other_losses_and_metrics(data):
    images, labels, _ = data
    learner = Learner(linear_model(), [NORMALIZE])
    learner.compile(
        "sgd",
        keras.losses.MeanSquaredError(),
        metrics=[keras.metrics.CategoricalAccuracy(name="hits")],
    )
    found = learner.evaluate(images, labels, verbose=0, return_dict=True)
    assert set(found) == {"loss", "hits"}
    logits = logits_of(learner, normalized(images))
    accuracy = (logits.argmax(axis=1) == labels).mean()
    assert found["hits"] == pytest.approx(accuracy, rel=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ],
)
def test_losses_of_class_numbers_are_refused(loss):
    with pytest.raises(ValueError, match="take SoftCrossEntropy.*loss=[sS]par"):
        Learner(linear_model(), [NORMALIZE]).compile("sgd", loss)


def test_labels_may_stand_in_a_column(data):
    images, labels, keys = data
    learner = make_learner([NORMALIZE])
    column = ops.convert_to_tensor(labels[:, None])
    batch = {"image": images, "key": keys}, column
    _, soft = learner.prepare(batch, training=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(soft), one_hot(labels))


def test_sample_weights_reach_the_loss(data):
    images, labels, _ = data
    learner = make_learner([NORMALIZE])
    weights = (labels == 0).astype(np.float32)
    history = learner.fit(
        *(images, labels),
        sample_weight=weights,
        batch_size=len(images),
        verbose=0,
    )
    logits = logits_of(learner, normalized(images))
    expected = cross_entropy(logits, weights[:, None] * one_hot(labels))
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-4)


# Images of several classes, or none


def multi_learner(augment, rate=0.0, smoothing=0.0):
    learner = Learner(linear_model(), augment, multi_label=True)
    learner.compile(SGD(rate), BinaryCrossentropy(smoothing))
    return learner


@pytest.fixture(scope="module")
def several(data):
    """Labels float [N, C] of 0 and 1, some rows empty."""
    random = np.random.RandomState(1)
    labels = random.uniform(size=(len(data[0]), CLASSES)) < 0.4
    assert set(labels.sum(axis=1)) == {0, 1, 2, 3}
    return labels.astype(np.float32)


def binary_cross_entropy(logits, targets):
    chances = 1 / (1 + np.exp(-logits))
    losses = targets * np.log(chances) + (1 - targets) * np.log(1 - chances)
    return -losses.mean()


def test_several_labels_are_mixed_smoothed_and_pulled_by_sigmoids(
    data, several
):
    images, _, keys = (part[:BATCH] for part in data)
    labels = several[:BATCH]
    learner = multi_learner(TRICKS, rate=0.5, smoothing=0.1)
    before = [v.copy() for v in learner.model.get_weights()]
    x, mixed = augmented(images, labels, keys)
    logits = logits_of(learner, x)
    found = fit(learner, {"image": images, "key": keys}, labels)
    targets = 0.9 * mixed + 0.05
    expected = binary_cross_entropy(logits, targets)
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    top1 = mixed[np.arange(BATCH), logits.argmax(axis=1)].mean()
    assert found["top1"] == pytest.approx(top1, rel=1e-5)
    error = (1 / (1 + np.exp(-logits)) - targets) / CLASSES
    kernel = x.reshape(BATCH, -1).T @ error / BATCH
    for now, was, gradient in zip(
        learner.model.get_weights(),
        before,
        [kernel, error.mean(axis=0)],
        strict=True,
    ):
        np.testing.assert_allclose(now, was - 0.5 * gradient, atol=1e-5)


def test_evaluation_of_several_labels_is_plain(data, several):
    images = data[0]
    learner = multi_learner(TRICKS, smoothing=0.1)
    found = learner.evaluate(
        images, several, batch_size=7, verbose=0, return_dict=True
    )
    logits = logits_of(learner, normalized(images))
    expected = binary_cross_entropy(logits, several)  # without smoothing
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    hits = several[np.arange(len(images)), logits.argmax(axis=1)]
    assert found["top1"] == pytest.approx(hits.mean(), rel=1e-6)
    # Three classes: whoever has any label has it among the best five.
    some = several.any(axis=1).mean()
    assert found["top5"] == pytest.approx(some, rel=1e-6)


def test_several_labels_have_their_loss_by_default():
    learner = Learner(linear_model(), [NORMALIZE], multi_label=True)
    learner.compile()
    assert type(learner.loss) is BinaryCrossentropy
    assert learner.loss.label_smoothing == 0


def test_evaluation_needs_no_keys(data):
    images, labels, _ = data
    learner = make_learner([RandomFlip(alternate=True), NORMALIZE])
    found = learner.evaluate(images, labels, verbose=0, return_dict=True)
    expected = cross_entropy(
        logits_of(learner, normalized(images)), one_hot(labels)
    )
    assert found["loss"] == pytest.approx(expected, rel=1e-4)


def test_mixed_samples_have_no_weights(data):
    images, labels, _ = data
    learner = make_learner([NORMALIZE, MixUp(0.2)])
    with pytest.raises(ValueError, match="sample weights say nothing of mixed"):
        learner.prepare((images, labels, np.ones(len(labels))), training=True)


@pytest.mark.traced
@pytest.mark.parametrize("label", [-1, 3])
def test_a_class_that_is_not_there_is_no_number(label):
    """A row of zeros would go unnoticed."""
    learner = make_learner([Normalize()])
    rows = ops.convert_to_numpy(learner.soft_labels(np.array([0, label])))
    np.testing.assert_array_equal(rows[0], [1, 0, 0])
    assert np.isnan(rows[1]).all()


@pytest.mark.traced
def test_a_smaller_last_batch_is_told_how_to_leave_out(data):
    images, labels, _ = data
    learner = make_learner([NORMALIZE], accumulate=2)
    with pytest.raises(Exception, match="multiple of 2 .*drop_remainder=True"):
        learner.fit(images[:11], labels[:11], batch_size=8, verbose=0)


def test_what_is_saved_is_the_model(tmp_path):
    with pytest.raises(TypeError, match="learner.model.save"):
        make_learner([NORMALIZE]).save(tmp_path / "learner.keras")
