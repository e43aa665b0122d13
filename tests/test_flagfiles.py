"""Where flagfiles are looked for, and what is said of those not found."""

import pathlib

import pytest

from kerastricks import flagfiles
from kerastricks.errors import InputError

CONFIGS = pathlib.Path(__file__).parent.parent / "configs"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder outside the checkout."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(*argv):
    return flagfiles.expand_flagfiles(argv)


def refusal(name):
    with pytest.raises(InputError) as caught:
        lines(f"--flagfile={name}")
    return str(caught.value)


def write(path, *text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text), encoding="utf-8")


def test_built_in_ones_are_the_files_of_configs():
    files = [path.relative_to(CONFIGS) for path in CONFIGS.rglob("*.flags")]
    assert flagfiles.names() == sorted(f"configs/{path}" for path in files)
    assert "configs/imagenet/paper/baseline.flags" in flagfiles.names()


def test_built_in_one_is_found_in_any_folder(here):
    text = (CONFIGS / "demo.flags").read_text().splitlines()
    expected = [line for line in text if line.startswith("--")]
    for name in ("configs/demo.flags", "./configs/demo.flags", "demo.flags"):
        assert lines(f"--flagfile={name}") == expected


def test_file_in_the_working_folder_wins_over_a_built_in_one(here):
    write(here / "configs" / "demo.flags", "--epochs=77")
    assert lines("--flagfile=configs/demo.flags") == ["--epochs=77"]


def test_file_of_ones_own_stands_on_a_built_in_one(here):
    base = lines("--flagfile=configs/imagenet/paper/resnet50_d.flags")
    assert "--model=resnet50_d" in base
    write(
        here / "mine" / "big.flags",
        "--flagfile=configs/imagenet/paper/resnet50_d.flags",
        "--image_size=320",
    )
    assert lines("--flagfile=mine/big.flags") == [*base, "--image_size=320"]
    # As if it lay in configs/ itself.
    write(
        here / "configs" / "big.flags",
        "--flagfile=imagenet/paper/resnet50_d.flags",
    )
    assert lines("--flagfile=configs/big.flags") == base


def test_part_of_a_built_in_one_is_its_own_and_not_the_working_folders(here):
    write(here / "no_bias_decay.flags", "--epochs=77")
    assert "--epochs=77" not in lines("--flagfile=imagenet/paper/fp16.flags")


def test_absolute_name_is_never_a_built_in_one(here):
    message = refusal(here / "configs" / "demo.flags")
    assert message == (
        "there is no such flagfile, here or built in. Received: "
        f"--flagfile={here}/configs/demo.flags. "
        "Did you mean configs/demo.flags?"
    )


@pytest.mark.parametrize(
    "name, meant",
    [
        ("configs/demp.flags", "configs/demo.flags"),
        ("demo", "configs/demo.flags"),
        (
            "configs/imagenet/rsb_a4.flags",
            "configs/imagenet/rsb_a3.flags, configs/imagenet/rsb_a2.flags, "
            "configs/imagenet/rsb_a1.flags",
        ),
        ("configs/wrn28-10.flags", "configs/cifar10/wrn28_10.flags"),
    ],
)
def test_near_names_are_told(here, name, meant):
    assert refusal(name) == (
        "there is no such flagfile, here or built in. "
        f"Received: --flagfile={name}. Did you mean {meant}?"
    )


def test_folders_of_the_built_in_ones_are_told_if_none_is_near(here):
    folders = sorted({name.rpartition("/")[0] for name in flagfiles.names()})
    assert refusal("zzz").endswith(
        f"--flagfile=zzz. Built in: {', '.join(f'{f}/' for f in folders)}"
    )


def test_missing_part_is_told_with_the_file_that_names_it(here):
    write(here / "top.flags", "--flagfile=zzz.flags")
    assert f"--flagfile=zzz.flags in {here / 'top.flags'}. " in refusal(
        "top.flags"
    )


def test_folder_is_no_flagfile(here):
    (here / "a.flags").mkdir()
    assert refusal("a.flags").startswith("the flagfile cannot be read ([Errno")
    assert refusal("").endswith("Received: --flagfile=")
