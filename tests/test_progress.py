"""Bars on a terminal, lines now and then elsewhere."""

import io
import types

import pytest

from kerastricks import progress
from kerastricks.progress import Progress, duration


@pytest.fixture
def told(monkeypatch, stream_class):
    """(terminal, total, {second: done}) -> what the stream gets."""

    def tell(terminal, total, calls):
        times = iter([0.0, *calls])
        clock = types.SimpleNamespace(monotonic=lambda: next(times))
        monkeypatch.setattr(progress, "time", clock)
        stream = stream_class(terminal)
        show = Progress("packing", stream)
        for done in calls.values():
            show(done, total)
        return stream.getvalue()

    return tell


def test_elsewhere_a_line_now_and_then_and_one_at_the_end(told):
    calls = {1.0: 1, 1.2: 2, 31.0: 1501, 40.0: 1600, 61.0: 1801, 62.0: 2000}
    # 1,500 in 30 s, then 1,800 in 60 s
    assert told(False, 2000, calls) == (
        "packing  1,501/2,000  10 s left\n"
        "packing  1,801/2,000  7 s left\n"
        "packing  2,000/2,000\n"
    )


def test_what_is_done_at_once_leaves_no_line(told):
    assert told(False, 20, {1.0: 10, 2.0: 20}) == ""


def test_a_terminal_gets_a_bar(told):
    calls = {1.0: 10, 1.2: 12, 5.0: 15, 6.0: 20}
    frames = told(True, 20, calls).split("\r\x1b[K")
    assert frames == [
        "",
        f"packing  {'━' * 12}{'╌' * 12}  10/20",
        f"packing  {'━' * 18}{'╌' * 6}  15/20  4 s left",
        f"packing  {'━' * 24}  20/20\n",
    ]


def test_a_stream_of_few_letters_gets_others():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert progress.bar(1, 2, stream) == "#" * 12 + "-" * 12


def test_a_resumed_work_estimates_by_what_it_does_itself(told):
    # 1,000 were there; 10 in 10 s.
    text = told(True, 1100, {1.0: 1000, 11.0: 1010})
    assert text.endswith("1,010/1,100  1:30 min left")


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (184, "3:04 min"),
        (3599, "59:59 min"),
        (3600, "1:00 h"),
        (5 * 3600 + 6 * 60 + 59, "5:06 h"),
        (100 * 3600, "100:00 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
