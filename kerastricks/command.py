"""What every command does around its work: one clear line for what goes wrong.

Exit codes: 0 done, 1 the run failed, 2 bad flags or data, 130 interrupted.
"""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from kerastricks.errors import InputError, RunError
from kerastricks.progress import CLEAR

# TensorFlow 2.21 writes these whatever the log level is.
NOTES = (
    b"WARNING: All log messages before absl::InitializeLog",
    b"I0000 ",
)
# No GPU is no error, a broken JPEG is told of by name, once, and batches of
# several sizes (views, the last one of an epoch) are traced several times.
NEEDLESS = (
    b"failed call to cuInit",
    b"jpeg_mem.cc",
    b"triggered tf.function retracing",
)
# What is half done is either kept, and gone on from, or not there at all.
STOPPED = "stopped; give the same command again to go on"


def run_command(body: Callable[[Sequence[str]], None]) -> None:
    """Calls the command's body with the command line, then exits."""
    # Names of files need not be text in the terminal's encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with hushed():
            body(sys.argv[1:])
        code = 0
    except InputError as error:
        code = complain(error, 2)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (RunError, OSError) as error:
        code = complain(error, 1)
    except KeyboardInterrupt as error:
        code = complain(str(error) or STOPPED, 130)
    sys.exit(code)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keeps TensorFlow's start-up notes off the screen.

    They come from C++ and go past Python and past TF_CPP_MIN_LOG_LEVEL, so the
    process's stderr is piped through a thread that drops just them.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
        yield  # somebody wants to see them
        return
    real = os.dup(2)
    source, sink = os.pipe()
    os.dup2(sink, 2)
    os.close(sink)
    thread = threading.Thread(target=pass_on, args=(source, real), daemon=True)
    thread.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(real, 2)  # the pipe's last writer: the thread comes to its end
        thread.join(timeout=1)


def pass_on(source: int, real: int) -> None:
    """Copies lines, TensorFlow's notes left out."""
    with open(source, "rb") as lines, open(real, "wb", closefd=False) as out:
        for line in lines:
            if line.startswith(NOTES) or any(word in line for word in NEEDLESS):
                continue
            out.write(line)
            out.flush()


def complain(error: object, code: int) -> int:
    """Prints one line on stderr."""
    first_line = str(error).strip().split("\n")[0]
    # On a terminal it takes the place of a half drawn bar.
    start = CLEAR if sys.stderr.isatty() else ""
    print(f"{start}kerastricks: {first_line}", file=sys.stderr)
    return code
