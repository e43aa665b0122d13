"""Where commands may write."""

import os

import pytest

from kerastricks.errors import InputError
from kerastricks.targets import free_folder, writable


def test_a_new_place_is_free_and_stays_as_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(writable("new/page.html")) == "new/page.html"
    assert str(free_folder("new/model", "x.pb", "a model")) == "new/model"
    assert not (tmp_path / "new").exists()
    assert free_folder(".", "x.pb", "a model") == tmp_path


def test_a_file_is_no_folder_to_write_in(tmp_path):
    (tmp_path / "file").touch()
    message = "in a folder that can be written to. Received: output=.*/file/new"
    with pytest.raises(InputError, match=message):
        writable(tmp_path / "file" / "new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="can be written to"):
        writable(tmp_path / "new")


def test_only_its_own_kind_is_replaced(tmp_path):
    (tmp_path / "x.pb").touch()
    assert free_folder(tmp_path, "x.pb", "a model") == tmp_path
    with pytest.raises(InputError, match="or a soup to replace. Received"):
        free_folder(tmp_path, "soup.json", "a soup")
