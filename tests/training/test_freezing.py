"""Layers that stand still for a while."""

import keras
import numpy as np
import pytest

from kerastricks.augment import Normalize
from kerastricks.losses import SoftCrossEntropy
from kerastricks.models.fuse import freeze_batch_norms
from kerastricks.optimizers import SGD, Adam, Lookahead
from kerastricks.training import Ema, Learner
from kerastricks.training.checkpoint import named_variables
from kerastricks.training.freezing import own_optimizer

pytestmark = pytest.mark.traced


def network():
    """Stem, two stages, head; batch norm in the stem and the first stage."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, name="stem_1_conv"),
            keras.layers.BatchNormalization(name="stem_1_bn"),
            keras.layers.ReLU(),
            keras.layers.Conv2D(4, 1, name="stage1_block1_1_conv"),
            keras.layers.BatchNormalization(name="stage1_block1_1_bn"),
            keras.layers.Conv2D(4, 1, name="stage2_block1_1_conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="head"),
        ]
    )


def learner_of(model, optimizer, **options):
    learner = Learner(model, [Normalize()], **options)
    learner.compile(optimizer, SoftCrossEntropy())
    learner.optimizer.build(learner.trainable_variables)
    return learner


def images(seed=0):
    random = np.random.RandomState(seed)
    return random.randint(0, 256, (4, 6, 6, 3), np.uint8), np.arange(4) % 3


def values(model):
    return {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers
        for weight in layer.weights
    }


def moved(learner, steps=1):
    """Names of the layers of which some weight moves in a step."""
    before = values(learner.model)
    for _ in range(steps):
        learner.train_on_batch(*images())
    after = values(learner.model)
    return {
        name.partition("/")[0]
        for name in before
        if (before[name] != after[name]).any()
    }


ALL = ["stem_1_conv", "stem_1_bn", "stage1_block1_1_conv"]
ALL += ["stage1_block1_1_bn", "stage2_block1_1_conv", "head"]


@pytest.mark.parametrize(
    "groups, first", [(1, 5), (2, 4), (3, 2), (4, 0), (0, 0)]
)
def test_only_the_last_groups_move(groups, first):
    learner = learner_of(network(), SGD(0.1, 0.9, weight_decay=0.1))
    learner.train_last(groups)
    # Statistics of batch norm too: of frozen layers they stand still.
    assert moved(learner) == set(ALL[first:])
    learner.train_last(0)
    assert moved(learner) == set(ALL)


def test_frozen_layers_normalise_by_their_moving_statistics():
    learner = learner_of(network(), SGD(0.1))
    learner.train_last(1)
    pictures, labels = images()
    whole = learner.model(
        learner.prepare((pictures, labels), training=False)[0], training=False
    )
    learner.train_on_batch(pictures, labels)
    expected = SoftCrossEntropy()(np.eye(3)[labels], whole)
    loss = learner.get_metrics_result()["loss"]
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_momentum_waits_for_its_layer():
    """Frozen, thawed: as if the steps between had not been."""
    model = network()
    learner = learner_of(model, SGD(0.1, 0.9, weight_decay=0.1))
    learner.train_on_batch(*images())
    stem = keras.ops.convert_to_numpy(learner.optimizer.slots[0]["velocity"])
    learner.train_last(1)
    learner.train_on_batch(*images(1))
    kept = keras.ops.convert_to_numpy(learner.optimizer.slots[0]["velocity"])
    np.testing.assert_array_equal(kept, stem)
    assert stem.any()


@pytest.mark.slow
def test_adam_counts_a_layers_own_steps():
    """The first step of a layer that waited is as long as any first step."""
    lengths = []
    for waits in (False, True):
        model = network()
        learner = learner_of(model, Adam(1e-3))
        if waits:
            learner.train_last(1)
            for seed in range(5):
                learner.train_on_batch(*images(seed))
            learner.train_last(0)
        before = values(model)["stage1_block1_1_conv/kernel"]
        learner.train_on_batch(*images())
        after = values(model)["stage1_block1_1_conv/kernel"]
        lengths.append(np.abs(after - before).max())
    # Adam's first step is the learning rate, whatever the gradient.
    np.testing.assert_allclose(lengths, 1e-3, rtol=1e-2)


@pytest.mark.slow
def test_lookahead_leaves_frozen_layers_alone():
    learner = learner_of(network(), Lookahead(SGD(0.1), steps=2))
    learner.train_on_batch(*images())  # fast and slow weights differ now
    learner.train_last(1)
    assert moved(learner, steps=3) == {"head"}


@pytest.mark.slow
def test_lookahead_begins_with_what_is_frozen_too():
    """Else slow weights of zero would halve them when they thaw."""
    learner = learner_of(network(), Lookahead(SGD(0.0), steps=1))
    learner.train_last(1)
    learner.train_on_batch(*images())
    learner.train_last(0)
    assert moved(learner, steps=2) == {"stem_1_bn", "stage1_block1_1_bn"}
    kernels = {n: v for n, v in values(learner.model).items() if "kernel" in n}
    for name, start in values(network()).items():
        if name in kernels:
            np.testing.assert_array_equal(kernels[name], start)


def test_by_hand_the_optimizers_own_step_counts():
    model = network()
    learner = learner_of(model, Adam(1e-3))
    learner.train_last(1)
    for seed in range(3):
        learner.train_on_batch(*images(seed))
    learner.train_last(0)
    optimizer = own_optimizer(learner.optimizer)
    places = {v.path: i for i, v in enumerate(learner.trainable_variables)}
    head = places[model.get_layer("head").kernel.path]
    stem = places[model.get_layer("stem_1_conv").kernel.path]
    assert (int(optimizer.age(head)), int(optimizer.age(stem))) == (3, 0)
    learner.train_on_batch(*images())
    assert (int(optimizer.age(head)), int(optimizer.age(stem))) == (4, 1)


def test_what_has_learnt_before_is_not_young_again():
    model = network()
    learner = learner_of(model, Adam(1e-3))
    for seed in range(3):
        learner.train_on_batch(*images(seed))
    learner.train_last(1)
    learner.train_last(0)
    optimizer = own_optimizer(learner.optimizer)
    places = range(len(learner.trainable_variables))
    assert {int(optimizer.age(place)) for place in places} == {3}


@pytest.mark.slow
def test_gradients_that_are_gathered_first_are_one_step():
    """Keras's own way: the optimizer is called more often than it steps."""
    learner = learner_of(network(), Adam(1e-3, gradient_accumulation_steps=2))
    learner.train_last(1)
    for seed in range(4):
        learner.train_on_batch(*images(seed))
    optimizer = learner.optimizer
    waiting, learning = 0, len(learner.trainable_variables) - 1
    assert int(optimizer.age(waiting)) == 0
    assert int(optimizer.age(learning)) == 2


def test_steps_that_overflow_make_nobody_older():
    """Loss scaling leaves them out; layers that wait then wait no longer."""
    learner = learner_of(network(), Adam(1e-3))
    optimizer = learner.optimizer
    learner.train_last(1)
    learner.train_on_batch(*images())
    waiting, learning = 0, len(learner.trainable_variables) - 1
    assert int(optimizer.age(waiting)) == 0
    # As after ten steps of training of which the optimizer saw one.
    learner.steps_done.assign(learner.steps_done + 9)
    learner.train_last(0)
    learner.train_on_batch(*images())
    assert int(optimizer.age(waiting)) == 1
    assert int(optimizer.age(learning)) == 2


def test_an_optimizer_that_is_not_built_yet_is():
    learner = Learner(network(), [Normalize()])
    learner.compile(SGD(0.1), SoftCrossEntropy())
    learner.train_last(1)
    assert moved(learner) == {"head"}


def test_averages_clipping_and_names_go_on():
    learner = learner_of(
        network(),
        SGD(0.1),
        average=Ema(0.5, warmup=False),
        clip=lambda gradients, variables: [
            g * 0 if len(v.shape) == 1 else g
            for g, v in zip(gradients, variables, strict=True)
        ],
    )
    names = list(named_variables(learner))
    learner.train_last(1)
    assert list(named_variables(learner)) == names
    learner.train_on_batch(*images())
    start = values(network())
    now = values(learner.model)
    np.testing.assert_array_equal(now["head/bias"], start["head/bias"])
    paths = [variable.path for variable in learner.averaged_variables]
    head = paths.index(learner.model.layers[-1].kernel.path)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(learner.averages[head]),
        (start["head/kernel"] + now["head/kernel"]) / 2,
        rtol=1e-6,
    )


def test_what_was_frozen_before_stays_so():
    model = network()
    freeze_batch_norms(model)
    learner = learner_of(model, SGD(0.1))
    learner.train_last(1)
    learner.train_last(0)
    assert moved(learner) == {name for name in ALL if not name.endswith("bn")}


@pytest.mark.parametrize(
    "optimizer, groups, message",
    [
        (SGD(0.1), -1, "groups must be at least 0. Received: groups=-1"),
        (keras.optimizers.SGD(), 1, "optimizers of kerastricks.*Received: opt"),
    ],
    ids=["groups", "optimizer"],
)
def test_refused(optimizer, groups, message):
    learner = learner_of(network(), optimizer)
    with pytest.raises(ValueError, match=message):
        learner.train_last(groups)
