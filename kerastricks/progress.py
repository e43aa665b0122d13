"""How far long work is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from typing import TextIO

BAR = 24
SECONDS_BETWEEN_DRAWS = 0.5
SECONDS_BETWEEN_LINES = 30.0
# Sooner, an estimate of the time left would be a guess.
SECONDS_BEFORE_ESTIMATES = 2.0
CLEAR = "\r\x1b[K"  # back to the line's start, which is wiped


class Progress:
    """Tells how far it is when it is called with (done, total).

    What is done within moments leaves no line in a log.

    Example:
        progress = Progress("decoding")
        progress(10, 1000)
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self.what = what
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.began = self.shown = time.monotonic()
        self.began_at: int | None = None
        self.told = self.ended = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.began_at is None:  # what a resumed work had done before
            self.began, self.began_at = now, done
        pause = SECONDS_BETWEEN_DRAWS if self.live else SECONDS_BETWEEN_LINES
        if done >= total:
            if not self.ended and (self.live or self.told):
                self.put(done, total)
            self.ended = True
        elif now - self.shown >= pause:
            self.shown, self.told = now, True
            self.put(done, total, self.left(now, done, total))

    def left(self, now: float, done: int, total: int) -> str:
        """An estimate from what has been done since the first call."""
        elapsed, since = now - self.began, done - (self.began_at or 0)
        if since <= 0 or elapsed < SECONDS_BEFORE_ESTIMATES:
            return ""
        return f"  {duration(elapsed * (total - done) / since)} left"

    def put(self, done: int, total: int, more: str = "") -> None:
        """One frame, or one line."""
        counted = f"{done:,}/{total:,}{more}"
        if self.live:
            end = "\n" if done >= total else ""
            drawn = bar(done, total, self.stream)
            text = f"{CLEAR}{self.what}  {drawn}  {counted}{end}"
        else:
            text = f"{self.what}  {counted}\n"
        self.stream.write(text)
        self.stream.flush()


def bar(done: int, total: int, stream: TextIO) -> str:
    """━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌, or by # and - where these cannot be written."""
    filled, left = "━╌"
    try:
        (filled + left).encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        filled, left = "#-"
    full = BAR * done // max(1, total)
    return filled * full + left * (BAR - full)


def duration(seconds: float) -> str:
    """12 s, 3:04 min or 5:06 h."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"
