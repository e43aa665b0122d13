import math
import os
import signal
import sys
import threading
import types

import keras
import numpy as np
import pytest

from kerastricks.augment import Normalize
from kerastricks.errors import RunError
from kerastricks.optimizers import SGD
from kerastricks.schedules import Cosine
from kerastricks.training import Learner, RunState
from kerastricks.training.guard import (
    STEPS_BETWEEN_LOOKS,
    Diverged,
    GuardLoss,
    WatchSignals,
    check_loss,
    current_rate,
)


def fake(first_bad_step=-1, rate=0.25, **more):
    inner = SGD(rate)
    if more:
        inner = types.SimpleNamespace(inner_optimizer=inner, **more)
    return types.SimpleNamespace(
        first_bad_step=np.int32(first_bad_step), optimizer=inner
    )


def guard(model):
    callback = GuardLoss(RunState())
    callback.set_model(model)
    return callback


def test_check_loss_names_the_step_from_one():
    check_loss(fake())
    message = (
        "loss or gradients became NaN or infinite at step 1; "
        ".*lower learning_rate"
        ".*Received: step=1, learning rate 0.0123"
    )
    with pytest.raises(RunError, match=message):
        check_loss(fake(first_bad_step=0, rate=0.012345))


def test_a_loss_scale_is_told():
    with pytest.raises(Diverged, match="rate 0.25, loss scale 32768$"):
        check_loss(fake(first_bad_step=3, dynamic_scale=2.0**15))


def test_it_looks_every_fifty_steps_and_at_the_epochs_end():
    callback = guard(fake(first_bad_step=17))
    for batch in range(STEPS_BETWEEN_LOOKS):
        callback.on_train_batch_begin(batch)
    with pytest.raises(RunError, match="at step 18.*rate 0.25"):
        callback.on_train_batch_begin(STEPS_BETWEEN_LOOKS)
    with pytest.raises(RunError, match="at step 18"):
        callback.on_epoch_end(0, {})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number(value):
    callback = guard(fake())
    callback.on_epoch_end(0, {"val_loss": 1.0, "top1": math.nan})
    message = f"validation loss is no number.*val_loss={value} after epoch 3"
    with pytest.raises(RunError, match=message):
        callback.on_epoch_end(2, {"val_loss": value})


@pytest.mark.traced
def test_a_fit_ends_at_the_first_look_after_the_bad_step():
    count = STEPS_BETWEEN_LOOKS + 10
    images = np.zeros((count, 2, 2, 3), np.float32)
    images[20] = np.inf
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    learner = Learner(model, [Normalize()])
    learner.compile(SGD(Cosine(0.1, steps=2 * STEPS_BETWEEN_LOOKS)))
    callback = GuardLoss(RunState())
    # A fifth of the way down the cosine, though it is found out half-way.
    with pytest.raises(RunError, match="at step 21;.*learning rate 0.09045$"):
        learner.fit(
            images,
            np.zeros(count),
            batch_size=1,
            shuffle=False,
            verbose=0,
            callbacks=[callback],
        )
    assert int(learner.steps_done) == STEPS_BETWEEN_LOOKS
    assert current_rate(learner) == pytest.approx(0.05, rel=1e-5)


@pytest.fixture
def handlers():
    """The handlers before, which must be back afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield before
    after = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_a_second_stops_at_once(handlers, number):
    with WatchSignals(RunState()) as signals:
        assert not signals.asked
        signal.raise_signal(number)
        assert signals.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_a_terminal_is_answered_at_once(handlers, monkeypatch):
    """By a write of its own: the stream may be in the middle of one."""
    reader, writer = os.openpty()
    with open(writer, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with WatchSignals(RunState()):
            signal.raise_signal(signal.SIGINT)
            assert b"stopping after this step" in os.read(reader, 99)
    os.close(reader)


def test_handlers_come_back_after_an_error_too(handlers):
    with pytest.raises(ZeroDivisionError), WatchSignals(RunState()) as signals:
        assert signal.getsignal(signal.SIGTERM) == signals.note
        raise ZeroDivisionError


def test_handlers_that_python_did_not_set_stay_replaced(handlers, monkeypatch):
    calls = []

    def set_handler(number, handler):
        calls.append(handler)
        return None  # what `signal` says of a handler from C

    monkeypatch.setattr(signal, "signal", set_handler)
    with WatchSignals(RunState()) as signals:
        pass
    assert calls == [signals.note, signals.note]


def test_outside_the_main_thread_signals_are_left_alone(handlers):
    seen = []

    def work():
        with WatchSignals(RunState()) as signals:
            seen.append((signals.asked, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, handlers[signal.SIGTERM])]
