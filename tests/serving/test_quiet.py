"""What is printed by any language goes nowhere for a while."""

import os

import pytest

from kerastricks.serving.quiet import quiet


def test_quiet(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    print("before")
    with quiet():
        os.write(1, b"by C\n")
        os.write(2, b"by C\n")
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_what_a_failure_had_to_say_is_shown(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    with pytest.raises(ZeroDivisionError), quiet():
        os.write(1, b"by C\n")
        _ = 1 / 0
    print("after")
    assert capfd.readouterr() == ("after\n", "by C\n")


def test_somebody_wants_to_see_it(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet():
        os.write(2, b"by C\n")
    assert capfd.readouterr().err == "by C\n"
