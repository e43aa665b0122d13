import keras
import numpy as np
import pytest

from kerastricks.augment import MixUp, Normalize
from kerastricks.errors import RunError
from kerastricks.losses import SoftCrossEntropy
from kerastricks.optimizers import SGD, AdaBound
from kerastricks.schedules import WarmupCosine
from kerastricks.training import Learner
from kerastricks.training.checkpoint import read_variables
from kerastricks.training.lr_finder import (
    LrCurve,
    curve_of,
    find_lr,
    fresh_optimizer,
    steep,
    valley,
)

BATCH = 8


def data(seed):
    """Dark and bright images, noisy."""
    random = np.random.RandomState(seed)
    labels = np.arange(BATCH) % 2
    images = (
        random.randint(0, 156, (BATCH, 8, 8, 3))
        + 100 * labels[:, None, None, None]
    )
    keys = random.randint(0, 2**31, (BATCH, 2))
    return (
        {"image": images.astype(np.uint8), "key": keys.astype(np.int32)},
        labels.astype(np.int32),
    )


def batches(seed):
    """Three of them."""
    return [data(3 * seed + place) for place in range(3)]


def made(optimizer=None, dtype="float32"):
    """A learner with everything that a step may change."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2, dtype="float32"),
        ]
    )
    learner = Learner(model, [Normalize(), MixUp(1.0)], dtype=dtype)
    rate = WarmupCosine(0.1, total_steps=12, warmup_steps=3)
    learner.compile(
        optimizer or SGD(rate, momentum=0.9, weight_decay=1e-3),
        SoftCrossEntropy(),
    )
    return learner


def trained(learner, seed):
    """Its losses and all that it has come to."""
    history = []
    for batch in batches(seed):
        history.append(learner.train_on_batch(*batch, return_dict=True)["loss"])
    return history, read_variables(learner)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


SWEEP = {"start": 1e-4, "end": 10.0, "steps": 22, "seeds": (1, 2)}


@pytest.mark.traced
def test_it_leaves_no_trace():
    with_search, without = made(), made()
    assert trained(with_search, 0)[0] == trained(without, 0)[0]
    before = {k: v.copy() for k, v in read_variables(with_search).items()}
    optimizer = with_search.optimizer
    curve = find_lr(with_search, batches, **SWEEP)
    # It did train: the smoothed loss is another at every step.
    assert len(set(curve.smoothed[0][np.isfinite(curve.smoothed[0])])) > 10
    assert with_search.optimizer is optimizer
    assert_same(read_variables(with_search), before)
    # And what follows is what would have followed.
    found, expected = trained(with_search, 5), trained(without, 5)
    assert found[0] == expected[0]
    assert_same(found[1], expected[1])


def test_a_fit_goes_on_as_if_nothing_had_been():
    with_search, without = made(), made()
    find_lr(with_search, batches, **SWEEP)
    inputs, labels = data(0)
    found, expected = (
        learner.fit(
            inputs, labels, batch_size=4, epochs=2, shuffle=False, verbose=0
        )
        for learner in (with_search, without)
    )
    assert found.history == expected.history
    assert_same(read_variables(with_search), read_variables(without))


def test_it_cleans_up_after_an_error():
    learner = made()
    before = read_variables(learner)
    optimizer = learner.optimizer

    def broken(seed):
        yield data(0)
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        find_lr(learner, broken, **SWEEP)
    assert learner.optimizer is optimizer
    assert_same(read_variables(learner), before)


@pytest.mark.traced
def test_the_losses_are_those_of_single_steps_at_rising_rates():
    curve = find_lr(made(), batches, **(SWEEP | {"seeds": (1,)}))
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-4, 10.0, 22))
    learner = made(SGD(1.0, momentum=0.9, weight_decay=1e-3))
    for i, rate in enumerate(curve.rates[:8]):
        learner.optimizer.learning_rate = rate
        loss = learner.train_on_batch(*batches(1)[i % 3], return_dict=True)
        assert curve.losses[0, i] == pytest.approx(loss["loss"], rel=1e-5)


def test_runs_are_their_seeds():
    learner = made()
    one = find_lr(learner, batches, **(SWEEP | {"seeds": (2,)}))
    both = find_lr(learner, batches, **SWEEP)
    np.testing.assert_array_equal(both.losses[1], one.losses[0])
    assert (both.losses[0] != both.losses[1]).any()


def test_restart_gives_a_run_its_own_weights():
    learner = made()
    weights = learner.model.get_weights()
    seen = []

    def restart(seed):
        seen.append(seed)
        learner.model.set_weights([seed * 0.5 * w for w in weights])

    curve = find_lr(learner, batches, restart=restart, **SWEEP)
    assert seen == [1, 2]
    for found, weight in zip(learner.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, weight)
    learner.model.set_weights([0.5 * w for w in weights])
    first = learner.train_on_batch(*batches(1)[0], return_dict=True)["loss"]
    assert curve.losses[0, 0] == pytest.approx(first, rel=1e-6)


def test_progress():
    told = []
    find_lr(
        made(),
        batches,
        progress=lambda done, total: told.append((done, total)),
        **(SWEEP | {"end": 1e-3}),
    )
    assert told[:2] == [(1, 44), (2, 44)] and told[-1] == (44, 44)
    assert told == sorted(told)


def test_float16():
    learner = made(dtype="mixed_float16")
    optimizer = learner.optimizer
    assert hasattr(optimizer, "inner_optimizer")
    before = read_variables(learner)
    curve = find_lr(learner, batches, **SWEEP)
    assert learner.optimizer is optimizer
    assert_same(read_variables(learner), before)
    assert np.isfinite(curve.losses[:, :10]).all()


@pytest.mark.parametrize("wrapped", [False, True])
def test_fresh_optimizer_is_the_same_but_for_its_rate(wrapped):
    optimizer = SGD(WarmupCosine(0.1, 9, 3), momentum=0.8, weight_decay=2e-3)
    if wrapped:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    fresh = fresh_optimizer(optimizer, 0.25)
    assert type(fresh) is type(optimizer)
    inner = fresh.inner_optimizer if wrapped else fresh
    assert (inner.momentum, inner.decay) == (0.8, 2e-3)
    fresh.learning_rate = 0.5
    assert float(keras.ops.convert_to_numpy(inner.learning_rate)) == 0.5


def test_adabounds_bounds_go_by_the_rate_of_the_moment():
    """As in a run whose peak that rate is."""
    made = fresh_optimizer(AdaBound(1e-3, final_lr=0.5), 1.0)
    steps = []
    for rate in (1e-6, 0.02):
        of_run = AdaBound(rate, final_lr=0.5)
        sweep = AdaBound.from_config(made.get_config())
        moved = []
        for optimizer in (of_run, sweep):
            weight = keras.Variable(np.ones(3, np.float32))
            optimizer.build([weight])
            optimizer.learning_rate = rate
            optimizer.apply([np.full(3, 0.5, np.float32)], [weight])
            moved.append(1 - keras.ops.convert_to_numpy(weight)[0])
        assert moved[0] == pytest.approx(moved[1], rel=1e-5)
        steps.append(moved[0])
    assert steps[0] > 0


def test_exclusions_from_decay_are_kept():
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    fresh = fresh_optimizer(optimizer, 0.1)
    weights = [
        keras.Variable(np.ones(1, np.float32), name=name)
        for name in ("kernel", "bias")
    ]
    fresh.build(weights)
    fresh.apply([np.zeros(1, np.float32)] * 2, weights)
    assert [float(w.value[0]) for w in weights] == pytest.approx([0.95, 1.0])


def test_bad_arguments():
    learner = made()
    with pytest.raises(ValueError, match="higher one.*start=1.0, end=0.1"):
        find_lr(learner, batches, start=1.0, end=0.1)
    with pytest.raises(
        ValueError, match="at least 21 steps.*steps=20, 1 seeds"
    ):
        find_lr(learner, batches, steps=20)
    with pytest.raises(ValueError, match="at least one batch.*seed=0"):
        find_lr(learner, lambda seed: [])


# The curve


def test_smoothing_by_hand():
    curve = curve_of(np.geomspace(1e-3, 1.0, 3), [[1.0, 2.0, 4.0]])
    second = (0.98 * 1 + 2) / (0.98 + 1)
    third = (0.98**2 * 1 + 0.98 * 2 + 4) / (0.98**2 + 0.98 + 1)
    np.testing.assert_allclose(curve.smoothed, [[1.0, second, third]])


def test_a_run_that_stopped_counts_as_diverged():
    rates = np.geomspace(1e-3, 1.0, 4)
    curve = curve_of(rates, [[1.0] * 4, [2.0] * 3, [3.0] * 2])
    np.testing.assert_allclose(curve.median, [2, 2, 2, np.inf])
    low, high = curve.band
    np.testing.assert_allclose(low, [1, 1, 1, 1])
    np.testing.assert_allclose(high, [3, 3, np.inf, np.inf])
    assert np.isnan(curve.losses[2]).tolist() == [False, False, True, True]


def fastai_valley(lrs, losses):
    """fastai's own loop."""
    n = len(losses)
    max_start, max_end = 0, 0
    lds = [1] * n
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j] and lds[i] < lds[j] + 1:
                lds[i] = lds[j] + 1
            if lds[max_end] < lds[i]:
                max_end = i
                max_start = max_end - lds[max_end]
    sections = (max_end - max_start) / 3
    return lrs[max_start + int(sections) + int(sections / 2)]


@pytest.mark.parametrize("seed", range(5))
def test_valley_is_fastais(seed):
    random = np.random.RandomState(seed)
    rates = np.geomspace(1e-6, 1.0, 60)
    place = np.linspace(-1, 1, 60)
    losses = 2 - np.exp(-4 * (place - 0.4) ** 2) + 0.1 * random.randn(60)
    assert valley(rates, losses) == fastai_valley(rates, losses)


def test_suggestions_by_hand():
    # Flat at 3, down by .1 a step (by .3 once), up again. Of a loss this
    # constant the smoothed one is itself.
    losses = [3.0] * 20
    losses += [3.0 - 0.1 * i for i in range(1, 11)]
    losses += [1.7 - 0.1 * i for i in range(11)]
    losses += [0.8, 2.0, 3.0, 4.0, 5.0, 6.0]
    rates = np.geomspace(1e-5, 1.0, len(losses))
    curve = curve_of(rates, [losses])
    object.__setattr__(curve, "smoothed", np.array([losses]))
    found = curve.suggestions
    assert found["steep"] == pytest.approx(rates[29])
    assert found["minimum/10"] == pytest.approx(rates[40] / 10)
    assert curve.lowest == pytest.approx(rates[40])
    # The fall has 22 points, from 19 to 40; those dropped in front: 4.
    assert found["valley"] == pytest.approx(rates[40 - 22 + 7 + 3])
    assert steep(rates, np.array(losses)) == found["steep"]
    assert not curve.still_falling


def test_a_curve_that_still_falls_says_so():
    rates = np.geomspace(1e-5, 1.0, 40)
    assert curve_of(rates, [np.linspace(3, 1, 40)]).still_falling
    late = np.append(np.linspace(3, 1, 35), np.linspace(1.5, 4, 5))
    assert not curve_of(rates, [late]).still_falling
    ended = curve_of(rates, [np.linspace(3, 1, 36)])
    assert not ended.still_falling


def test_a_curve_that_does_not_fall_says_so():
    rates = np.geomspace(1e-4, 1.0, 40)
    noise = 2.33 + 0.01 * np.sin(np.arange(40.0))[None]
    assert not LrCurve(rates, noise, noise).falls
    falling = np.linspace(2.33, 2.0, 40)[None]
    assert LrCurve(rates, falling, falling).falls


def test_too_short_a_curve():
    rates = np.geomspace(1e-5, 1.0, 40)
    curve = curve_of(rates, [np.linspace(3, 1, 16)])
    with pytest.raises(RunError, match="start lower. Received: 16 of 40 steps"):
        _ = curve.suggestions


def test_other_units():
    curve = curve_of(np.geomspace(1e-5, 1.0, 40), [np.linspace(3, 1, 40)])
    double = curve.times(2.0)
    for name, rate in curve.suggestions.items():
        assert double.suggestions[name] == pytest.approx(2 * rate)
