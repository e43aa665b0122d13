"""Where commands may write."""

import os

import pytest

from kerastricks.errors import InputError
from kerastricks.targets import free_folder, writable, writable_file


def test_a_new_place_is_free_and_stays_as_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(writable("new/runs")) == "new/runs"
    assert str(writable_file("new/page.html")) == "new/page.html"
    assert str(free_folder("new/model", "x.pb", "a model")) == "new/model"
    assert not (tmp_path / "new").exists()
    assert free_folder(".", "x.pb", "a model") == tmp_path


@pytest.mark.parametrize("check", [writable, writable_file])
def test_a_file_is_no_folder_to_write_in(tmp_path, check):
    (tmp_path / "file").touch()
    message = "in a folder that can be written to. Received: output=.*/file/new"
    with pytest.raises(InputError, match=message):
        check(tmp_path / "file" / "new")


def test_a_folder_is_no_file_to_replace(tmp_path):
    with pytest.raises(InputError, match="must be a file. Received.*a folder"):
        writable_file(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_ours_in_one_that_is_not(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    tmp_path.chmod(0o500)
    assert writable(own) == own
    for check in (writable, writable_file):
        with pytest.raises(InputError, match="can be written to"):
            check(tmp_path / "new")


def test_only_its_own_kind_is_replaced(tmp_path):
    (tmp_path / "x.pb").touch()
    assert free_folder(tmp_path, "x.pb", "a model") == tmp_path
    with pytest.raises(InputError, match="or a soup to replace. Received"):
        free_folder(tmp_path, "soup.json", "a soup")


def test_where_a_link_points_is_replaced(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert free_folder(tmp_path / "link", "x.pb", "a model") == real
