"""Files and folders that are whole or not there."""

import json
import math
import os
import pathlib

import numpy as np
import pytest

from kerastricks import files
from kerastricks.files import (
    partial_name,
    printable,
    replacing,
    user_cache,
    write_text,
)


def test_text_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("first\n", "größer\n" * 1000, ""):
        write_text(path, text)
        assert path.read_bytes() == text.encode("utf-8")
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_keeps_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(error), replacing(path) as partial:
        partial.write_text("half")
        assert path.read_text() == "before"
        raise error
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_of_a_first_write_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.txt", "half \ud800")
    assert list(tmp_path.iterdir()) == []


def test_folder_takes_the_place_of_another(tmp_path):
    path = tmp_path / "model"
    for name in ("old", "new"):
        with replacing(path) as partial:
            partial.mkdir()
            (partial / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_folder_half_written_is_taken_away(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as partial:
        partial.mkdir()
        (partial / "new").write_text("new")
        raise OSError("full")
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_partial_is_beside_its_target_and_hidden():
    path = pathlib.Path("runs") / "best.weights.h5"
    one, other = partial_name(path), partial_name(path)
    assert one != other
    for partial in (one, other):
        assert partial.parent == path.parent
        assert partial.name.startswith(".")
        assert partial.name.endswith(".best.weights.h5")


@pytest.mark.parametrize(
    "own, shared, expected",
    [
        ("/own", "/shared", "/own"),
        ("~/own", "", "/home/own"),
        ("", "/shared", "/shared/kerastricks"),
        ("", "", "/home/.cache/kerastricks"),
    ],
)
def test_cache_of_the_user(monkeypatch, own, shared, expected):
    monkeypatch.setenv("KERASTRICKS_CACHE", own)
    monkeypatch.setenv("XDG_CACHE_HOME", shared)
    monkeypatch.setenv("HOME", "/home")
    assert user_cache() == pathlib.Path(expected)


def test_user_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    for name in ("KERASTRICKS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    with pytest.raises(OSError, match="set KERASTRICKS_CACHE to a writable"):
        user_cache()


def test_new_file_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = {os.stat(path).st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_folder_takes_the_place_of_a_folder(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()
    with replacing(target) as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").touch()

    def fail(*paths):
        raise OSError("no")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        with replacing(target) as partial:
            partial.mkdir()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_json_has_no_nan():
    rest = (math.inf, np.int64(3), True, None, "x")
    content = {1: np.array([0.5, math.nan]), "b": rest}
    text = files.json_text(content)
    assert json.loads(text) == {
        "1": [0.5, None],
        "b": [None, 3, True, None, "x"],
    }


def test_room_is_asked_for_before_writing(tmp_path):
    files.need_room(tmp_path, 1)
    with pytest.raises(OSError, match="No space left"):
        files.need_room(tmp_path, 2**62)


def test_what_a_killed_process_left_is_taken_away(tmp_path):
    """Not what somebody may still be writing, nor another file's."""
    target = tmp_path / "pixels"
    old, new = partial_name(target), partial_name(target)
    other = partial_name(tmp_path / "others")
    for file in (old, new, other):
        file.write_text("half")
    for file in (old, other):
        os.utime(file, (0, 0))
    write_text(target, "whole")
    assert set(tmp_path.iterdir()) == {target, new, other}


def test_the_folder_is_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "file", "text")
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


def test_names_that_are_not_utf8(tmp_path):
    name = os.fsdecode(b"d\xe9")
    assert printable(name) == r"d\xe9" and printable("dé") == "dé"
    write_text(tmp_path / "file", name)
    assert (tmp_path / "file").read_bytes() == b"d\xe9"
