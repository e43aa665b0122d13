"""Version folders of TensorFlow Serving."""

import pytest

from kerastricks.errors import InputError
from kerastricks.serving.versions import is_version, version_folder


def test_auto_is_one_more_than_the_highest(tmp_path):
    model = tmp_path / "flowers"
    assert version_folder(model, "auto") == model / "1"
    for name in ("1", "9", "10", "077", "notes", "-12"):
        (model / name).mkdir(parents=True)
    assert version_folder(model, "auto") == model / "11"
    assert version_folder(model, "3") == model / "3"


@pytest.mark.parametrize("version", ["0", "01", "-1", "1.0", "next", "²", "１"])
def test_what_is_no_version(tmp_path, version):
    with pytest.raises(InputError, match=f"from 1 on. Received: .*={version}"):
        version_folder(tmp_path, version)
    assert not is_version(version)


def test_a_version_is_written_once(tmp_path):
    (tmp_path / "2").mkdir()
    with pytest.raises(InputError, match="stays as it is: .*auto"):
        version_folder(tmp_path, "2")


def test_a_saved_model_is_no_folder_of_versions(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(InputError, match="this one is a SavedModel"):
        version_folder(tmp_path, "auto")
