import re
import types

import pytest

from kerastricks.training import RunState, progress
from kerastricks.training.progress import ShowProgress

ROW = {
    "loss": 1.23456,
    "top1": 0.4567,
    "val_loss": 0.98765,
    "val_top1": 0.789,
    "images_per_second": 1234.4,
    "seconds": 61.7,
}
LINE = (
    "epoch  2/12  loss 1.235  top1 45.67%  val_loss 0.988  val_top1 78.90%"
    "  1234 img/s  62 s"
)


@pytest.fixture
def clock(monkeypatch):
    now = types.SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(
        progress,
        "time",
        types.SimpleNamespace(monotonic=lambda: now.seconds),
    )
    return now


@pytest.fixture
def show(clock, stream_class):
    def tell(terminal, batches=8, seconds=1.0, state=None):
        """What a stream gets in an epoch of so many steps, then at its end."""
        stream, state = stream_class(terminal), state or RunState()
        callback = ShowProgress(state, 12, 12 * batches, stream)
        callback.set_params({"steps": batches})
        callback.set_model(
            types.SimpleNamespace(
                get_metrics_result=lambda: {"loss": 2.0, "top1": 0.125}
            )
        )
        callback.on_epoch_begin(1)
        for batch in range(batches):
            callback.on_train_batch_begin(batch)
            state.step += 1
            clock.seconds += seconds
        callback.on_test_begin()
        before = stream.getvalue()
        state.history.append(ROW)
        callback.on_epoch_end(1)
        return before, stream.getvalue()[len(before) :]

    return tell


def frames(text):
    """What each redrawing shows."""
    start, *rest = text.split("\r\x1b[K")
    assert start == ""
    return rest


def test_elsewhere_one_plain_line_at_the_end_of_the_epoch(show):
    before, after = show(terminal=False)
    assert before == ""
    assert after == LINE + "\n"


def test_the_best_epoch_says_so(show):
    _, after = show(False, state=RunState(best_epoch=2, best_top1=0.789))
    assert after == LINE + "  best\n"


def test_an_epoch_that_came_after_a_rollback_need_not_be_the_best(show):
    """The best one has the same number, and is of the branch left behind."""
    _, after = show(False, state=RunState(best_epoch=2, best_top1=0.95))
    assert "best" not in after


def test_a_terminal_gets_a_bar_on_one_line(show):
    before, after = show(terminal=True)
    assert "\n" not in before
    *bars, validating = frames(before)
    assert validating == "epoch  2/12  validating ..."
    assert len(bars) == 8
    for batch, text in enumerate(bars):
        bar = "━" * 3 * batch + "╌" * 3 * (8 - batch)
        assert text.startswith(f"epoch  2/12  {bar} {batch}/8")
        assert ("loss 2.000  top1 12.5%" in text) == (batch > 0)
    assert frames(after) == [LINE + "\n"]


def test_time_left_goes_by_the_steps_so_far(show):
    before, _ = show(terminal=True)
    left = [re.search(r"  ([^ ]+ [a-z]+) left$", t) for t in frames(before)]
    # At 1 s a step: 94 of 96 steps left after 2, 89 after 7.
    assert left[0] is None and left[1] is None
    assert (left[2][1], left[7][1]) == ("1:34 min", "1:29 min")


def test_time_left_of_a_resumed_run_counts_its_own_steps(show):
    before, _ = show(terminal=True, state=RunState(step=48))
    # 50 of 96 done, two of them here.
    assert frames(before)[2].endswith("  46 s left")


def test_fast_steps_are_not_all_drawn(show):
    before, _ = show(terminal=True, batches=100, seconds=0.125)
    # Every fifth: .625 s is the first time above half a second.
    bars = frames(before)[:-1]
    shown = [int(re.search(r" (\d+)/100", text)[1]) for text in bars]
    assert shown == list(range(0, 100, 5))
