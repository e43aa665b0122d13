"""python -m kerastricks.export: where it writes."""

import pytest

from kerastricks import evaluate, export
from kerastricks.errors import InputError


def test_export_replaces_nothing_but_a_saved_model(finished, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    argv = [f"--run_dir={finished.run_dir}", f"--output={precious}"]
    with pytest.raises(InputError, match="new or empty folder"):
        export.main(argv)
    assert (precious / "thesis.txt").read_text() == "years of work"
    (precious / "thesis.txt").unlink()
    for _ in range(2):
        export.main(argv)
        assert (precious / "saved_model.pb").is_file()


def test_commands_refuse_a_folder_that_is_no_run(tmp_path):
    for command in (evaluate, export):
        with pytest.raises(InputError, match="recipe.flags"):
            command.main([f"--run_dir={tmp_path}"])
        with pytest.raises(InputError, match="--run_dir=DIR"):
            command.main([])
