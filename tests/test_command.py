"""What a command does around its work: exit codes, one line, less noise."""

import os
import subprocess
import sys

import pytest

from kerastricks.command import hushed, run_command
from kerastricks.errors import InputError, RunError


@pytest.fixture(autouse=True)
def command_line(monkeypatch):
    """A command line of the test's own, and no wish about the log."""
    monkeypatch.setattr(sys, "argv", ["prog", "--epochs=3", "file"])
    # Set, then taken away: so that what the test leaves there goes away too.
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")


def carried_out(body):
    with pytest.raises(SystemExit) as caught:
        run_command(body)
    return caught.value.code


def test_body_gets_the_command_line_and_success_is_0(capsys):
    given = []
    assert carried_out(given.extend) == 0
    assert given == ["--epochs=3", "file"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error, code, line",
    [
        (InputError("no such flag"), 2, "kerastricks: no such flag\n"),
        (RunError("the loss is NaN"), 1, "kerastricks: the loss is NaN\n"),
        (
            OSError(28, "No space left on device"),
            1,
            "kerastricks: [Errno 28] No space left on device\n",
        ),
        (
            KeyboardInterrupt(),
            130,
            "kerastricks: stopped; give the same command again to go on\n",
        ),
        (
            KeyboardInterrupt("stopped at step 3"),
            130,
            "kerastricks: stopped at step 3\n",
        ),
    ],
)
def test_failure_is_a_code_and_one_line(capsys, error, code, line):
    def body(argv):
        raise error

    assert carried_out(body) == code
    assert capsys.readouterr() == ("", line)


def test_fault_of_the_program_keeps_its_traceback():
    def body(argv):
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run_command(body)


def test_help_of_a_body_ends_well():
    def body(argv):
        sys.exit(0)

    assert carried_out(body) == 0


NOISE = (
    b"WARNING: All log messages before absl::InitializeLog() is called are\n"
    b"I0000 00:00:1700000000.000001 port.cc:153] oneDNN custom operations\n"
    b"E0000 00:00:1700000000.000001 jpeg_mem.cc:331] Premature end of JPEG\n"
    b"WARNING:tensorflow:5 out of the last 5 calls to <f> triggered tf.function"
    b" retracing. Tracing is expensive\n"
)


@pytest.mark.parametrize("level", [None, "1", "3"])
def test_notes_of_tensorflow_are_dropped_and_nothing_else(
    capfd, monkeypatch, level
):
    if level:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with hushed():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == (level or "2")
        os.write(2, b"before\n" + NOISE + b"E0000 an error\n" + NOISE)
        os.write(2, b"  I0000 within a line\nno end of line")
    os.write(2, b"\n" + NOISE[-40:])
    assert capfd.readouterr().err == (
        "before\nE0000 an error\n  I0000 within a line\nno end of line\n"
        + NOISE[-40:].decode()
    )


def test_everything_is_shown_to_who_asks_for_it(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with hushed():
        os.write(2, NOISE)
    assert capfd.readouterr().err == NOISE.decode()


def test_stderr_is_whole_again_after_a_failure(capfd):
    with pytest.raises(ValueError), hushed():
        os.write(2, b"told\n")
        raise ValueError
    os.write(2, NOISE)
    assert capfd.readouterr().err == "told\n" + NOISE.decode()


def test_reader_that_has_seen_enough_is_no_complaint():
    script = (
        "from kerastricks.command import run_command\n"
        "def body(argv):\n"
        "    for _ in range(100_000):\n"
        "        print('a line of many')\n"
        "run_command(body)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        assert process.stdout.readline() == b"a line of many\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


SCRIPT = """
import os
from kerastricks.command import run_command
from kerastricks.errors import InputError

def body(argv):
    os.write(2, b"I0000 a note\\n")
    raise InputError("data must exist. Received: " + argv[0])

run_command(body)
"""


def test_as_a_process_it_says_one_line():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "data=x"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 2
    assert done.stderr == "kerastricks: data must exist. Received: data=x\n"
    assert done.stdout == ""
