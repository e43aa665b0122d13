import keras
import numpy as np
import pytest
from keras import ops

from kerastricks.augment import MixUp, Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD
from kerastricks.training import Distiller, Learner
from kerastricks.training.checkpoint import named_variables
from kerastricks.training.ema import Ema, EpochMeans

pytestmark = pytest.mark.traced

SIDE, CLASSES, BATCH = 3, 4, 8
UNIT = Normalize((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.randint(0, 256, (BATCH, SIDE, SIDE, 3)).astype(np.uint8)
LABELS = RANDOM.randint(0, CLASSES, BATCH)
ONE_HOT = np.eye(CLASSES)[LABELS]


def network(seed, width=5, *between):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(width, activation="tanh"),
            *between,
            keras.layers.Dense(CLASSES, kernel_initializer="random_normal"),
        ]
    )


def make(
    teachers, augment=(UNIT,), rate=0.5, smoothing=0.0, kind="ce", **options
):
    learner = Distiller(
        network(0), list(augment), teachers=teachers, kind=kind, **options
    )
    learner.compile(SGD(rate), SoftCrossEntropy(smoothing))
    learner.optimizer.build(learner.trainable_variables)
    return learner


def fit(learner, epochs=1):
    return learner.fit(
        *(IMAGES, LABELS),
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    ).history["loss"]


def logits(model, images=IMAGES):
    return ops.convert_to_numpy(model(images.astype(np.float32) / 255))


def softmax(x):
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def cross_entropy(targets, x):
    return -(targets * np.log(softmax(x))).sum(axis=1).mean()


@pytest.mark.parametrize("hard, soft", [(0.5, None), (1.0, 1.0), (0.0, None)])
def test_the_loss_is_the_weighted_sum(hard, soft):
    teacher = network(1)
    z, r = logits(network(0)), logits(teacher)
    expected = hard * cross_entropy(ONE_HOT, z)
    weight = 1 - hard if soft is None else soft
    expected += weight * 9 * cross_entropy(softmax(r / 3), z / 3)
    learner = make(
        [teacher], temperature=3.0, hard_weight=hard, soft_weight=soft
    )
    assert fit(learner)[0] == pytest.approx(expected, rel=1e-5)


def test_kl_leaves_the_teachers_entropy_out():
    teacher = network(1)
    z, r = logits(network(0)), logits(teacher)
    p = softmax(r / 3)
    kl = cross_entropy(p, z / 3) - cross_entropy(p, r / 3)
    learner = make([teacher], temperature=3.0, kind="kl", hard_weight=0.0)
    assert fit(learner)[0] == pytest.approx(9 * kl, abs=1e-5)


def test_several_teachers_give_the_mean_of_their_losses():
    teachers = [network(1), network(2, 7)]
    z = logits(network(0))
    each = [
        4 * cross_entropy(softmax(logits(teacher) / 2), z / 2)
        for teacher in teachers
    ]
    learner = make(teachers, temperature=2.0, hard_weight=0.0)
    # The mean of probabilities adds the teachers' count to the logits, which
    # no softmax sees.
    assert fit(learner)[0] == pytest.approx(np.mean(each), rel=1e-5)


def test_the_student_moves_and_the_teacher_does_not():
    teacher = network(1, 5, keras.layers.BatchNormalization())
    before = [w.copy() for w in teacher.get_weights()]
    learner = make([teacher], rate=0.1)
    losses = fit(learner, epochs=5)
    assert losses[-1] < losses[0]
    for now, was in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, was)


def test_the_teacher_sees_the_mixed_images_without_dropout():
    teacher = network(1, 5, keras.layers.Dropout(0.5))
    keys = RANDOM.randint(0, 2**31, (BATCH, 2)).astype(np.int32)
    learner = make([teacher], (UNIT, MixUp(1.0)), hard_weight=0.0)
    batch = {"image": IMAGES, "key": keys}
    mixed, _ = learner.prepare((batch, LABELS), training=True)
    mixed = ops.convert_to_numpy(mixed)
    assert np.abs(mixed - IMAGES / 255).max() > 0.1
    r, z = (ops.convert_to_numpy(m(mixed)) for m in (teacher, network(0)))
    found = learner.fit(
        batch, LABELS, batch_size=BATCH, shuffle=False, verbose=0
    ).history["loss"][0]
    expected = 400 * cross_entropy(softmax(r / 20), z / 20)
    assert found == pytest.approx(expected, rel=1e-5)


def test_what_a_teacher_said_earlier_is_taken():
    said = RANDOM.normal(size=(BATCH, CLASSES)).astype(np.float32)
    keys = np.zeros((BATCH, 2), np.int32)
    learner = make([network(1)], temperature=1.0, hard_weight=0.0)
    expected = cross_entropy(softmax(said), logits(network(0)))
    found = learner.fit(
        {"image": IMAGES, "key": keys, "teacher": said},
        LABELS,
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
    ).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_teacher_is_neither_trained_nor_saved(tmp_path):
    learner = make([network(1, 50)])
    fit(learner)
    teachers = {id(v) for v in learner.teacher_variables}
    assert len(teachers) == 4
    saved = named_variables(learner).values()
    assert not teachers & {id(v) for v in [*learner.variables, *saved]}
    learner.save_weights(tmp_path / "distiller.weights.h5")
    plain = Learner(network(0), [UNIT])
    plain.compile(SGD(0.5), SoftCrossEntropy())
    fit(plain)
    plain.save_weights(tmp_path / "plain.weights.h5")
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert sizes[0] < sizes[1] + 2000


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="TensorFlow reads variables"
)
def test_the_teacher_is_no_constant_of_the_step():
    learner = make([network(1, 997)])
    state = learner._get_jax_state(True, True, True, metrics_variables=True)
    import jax

    batch = (ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(LABELS))
    program = jax.jit(learner.train_step).lower(state, batch).as_text()
    assert "997" in program  # the teacher's width, as an argument
    constants = [
        line
        for line in program.splitlines()
        if "stablehlo.constant" in line and "997" in line
    ]
    assert all("dense<0" in line for line in constants)


def test_evaluation_and_prediction_are_the_students():
    learner = make([network(1)], smoothing=0.1)
    found = learner.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    z = logits(network(0))
    assert found["loss"] == pytest.approx(cross_entropy(ONE_HOT, z), rel=1e-5)
    np.testing.assert_allclose(learner.predict(IMAGES, verbose=0), z, atol=1e-5)


def test_micro_batches_ask_the_teacher_the_same():
    teacher = network(1)
    numbers = []
    for accumulate in (1, 4):
        learner = make([teacher], accumulate=accumulate)
        losses = fit(learner, epochs=3)
        numbers.append(losses + [w.copy() for w in learner.model.get_weights()])
    for whole, parts in zip(*numbers, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=2e-6, atol=2e-6)


def test_the_features_map_follows_the_seed():
    kernels = [
        ops.convert_to_numpy(
            make([network(1, 7)], feature_weight=1, seed=s).projection.kernel
        )
        for s in (3, 3, 4)
    ]
    assert (kernels[0] == kernels[1]).all()
    assert (kernels[0] != kernels[2]).any()


def test_features_are_drawn_towards_the_teachers():
    teacher, student = network(1, 7), network(0)
    learner = make(
        [teacher],
        rate=0.1,
        hard_weight=0.0,
        soft_weight=0.0,
        feature_weight=3,
        seed=3,
    )
    kernel = ops.convert_to_numpy(learner.projection.kernel)
    x = (IMAGES / 255).reshape(BATCH, -1)
    ours, theirs = (
        np.tanh(x @ w + b)
        for w, b in (m.get_weights()[:2] for m in (student, teacher))
    )
    expected = 3 * ((ours @ kernel - theirs) ** 2).mean()
    losses = fit(learner, epochs=4)
    assert losses[0] == pytest.approx(expected, rel=1e-5)
    assert losses[-1] < 0.9 * losses[0]
    saved = [v.path for v in learner.model.variables]
    assert not any("projection" in path for path in saved)


def test_penalties_of_weights_count_in_full():
    student = network(0)
    student.layers[-1].kernel_regularizer = keras.regularizers.L2(0.3)
    student.layers[-1].kernel.regularizer = keras.regularizers.L2(0.3)
    penalty = float(sum(student.losses))
    assert penalty > 0.001
    learner = Distiller(
        student, [UNIT], teachers=[network(1)], hard_weight=0.25
    )
    learner.compile(SGD(0.0), SoftCrossEntropy())
    plain = make([network(1)], rate=0.0, kind="kl", hard_weight=0.25)
    assert fit(learner)[0] == pytest.approx(fit(plain)[0] + penalty, rel=1e-4)


def test_a_student_may_learn_from_its_own_average():
    learner = make(
        "ema", average=Ema(0.9), hard_weight=0.0, temperature=2.0, rate=0.1
    )
    average = network(3)
    for variable, other in zip(
        learner.averages, average.trainable_variables, strict=True
    ):
        variable.assign(ops.copy(other.value))
    expected = 4 * cross_entropy(
        softmax(logits(average) / 2), logits(network(0)) / 2
    )
    assert fit(learner)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_student_learns_more_from_a_teacher_than_from_the_labels():
    """Few images, a third of the labels wrong; the teacher knows the rule."""
    random = np.random.RandomState(1)
    rule = network(7, 16)
    for layer in rule.layers[1:]:
        layer.kernel.assign(4 * layer.kernel)
    train, test = (
        random.randint(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)
        for count in (64, 2000)
    )
    train_labels, test_labels = (
        logits(rule, images).argmax(axis=1) for images in (train, test)
    )
    wrong = random.uniform(size=64) < 1 / 3
    train_labels = (train_labels + wrong * random.randint(1, 4, 64)) % CLASSES
    found = []
    for learner in (
        Learner(network(0, 16), [UNIT]),
        Distiller(network(0, 16), [UNIT], teachers=[rule], temperature=4.0),
    ):
        learner.compile(
            SGD(0.1, momentum=0.9), SoftCrossEntropy(), metrics=None
        )
        learner.fit(train, train_labels, batch_size=64, epochs=100, verbose=0)
        found.append(
            learner.evaluate(
                test, test_labels, batch_size=500, verbose=0, return_dict=True
            )["top1"]
        )
    assert found[1] > found[0] + 0.1


@pytest.mark.parametrize(
    "teachers, options, message",
    [
        ([], {}, "teachers must be a list of models, or 'ema'. Received"),
        ("self", {}, "teachers must be a list of models"),
        ("ema", {}, "needs an exponential average of the weights"),
        ("ema", {"average": EpochMeans()}, "needs an exponential average"),
        ([network(1)], {"multi_label": True}, "images of one class each"),
        (
            [network(1), network(2)],
            {"feature_weight": 1.0},
            "features are learnt from one teacher that is another network",
        ),
    ],
)
def test_teachers_that_cannot_teach_are_refused(teachers, options, message):
    with pytest.raises(ValueError, match=message):
        make(teachers, **options)


def test_other_classes_are_refused():
    teacher = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(9),
        ]
    )
    with pytest.raises(ValueError, match="Received: 9 classes, the student: 4"):
        make([teacher])
