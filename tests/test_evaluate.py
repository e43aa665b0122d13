"""python -m kerastricks.evaluate: the numbers of the run again."""

import shutil

import pytest

from kerastricks import evaluate
from kerastricks.errors import InputError


def test_evaluate_gives_the_numbers_of_the_run(finished, capsys):
    evaluate.main([f"--run_dir={finished.run_dir}"])
    printed = dict(
        line.split() for line in capsys.readouterr().out.splitlines()[:4]
    )
    for name in ("top1", "top5", "loss", "ece"):
        assert float(printed[name]) == pytest.approx(
            finished.values[name], abs=1e-6
        )


def test_evaluate_refuses_data_of_other_classes(finished, cache):
    with pytest.raises(InputError, match="the classes of the run"):
        evaluate.main([f"--run_dir={finished.run_dir}", "--data=shapes"])


def test_evaluate_names_a_truncated_picture(finished, image_folder, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(image_folder, copy)
    victim = copy / "val" / "green" / "02.jpg"
    victim.write_bytes(victim.read_bytes()[:200])
    with pytest.raises(InputError, match="green/02.jpg"):
        evaluate.main(
            [f"--run_dir={finished.run_dir}", f"--data=folder:{copy}"]
        )


def test_evaluate_takes_data_without_splits_as_a_whole(
    finished, image_folder, capsys
):
    tree = f"--data=folder:{image_folder / 'train'}"
    evaluate.main([f"--run_dir={finished.run_dir}", tree])
    assert "on 48 validation images" in capsys.readouterr().out
