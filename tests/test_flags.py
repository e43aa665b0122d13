"""Command lines, flagfiles and recipes: the same thing in three forms."""

import re

import pytest

from kerastricks import flags
from kerastricks.config import FIELD_OF, SECTIONS, Recipe, leaves
from kerastricks.errors import InputError
from kerastricks.flags import Flag, flag_text, parse_recipe, recipe_text

USAGE = "python -m kerastricks.test [--flag=value ...]"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to write flagfiles in; the working folder is another one."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return tmp_path


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return f"--flagfile={path}"


def parsed(*argv):
    """The leaves that differ from the default."""
    default = Recipe().values()
    return {
        name: value
        for name, value in parse_recipe(argv, USAGE).values().items()
        if value != default[name]
    }


def refusal(*argv):
    with pytest.raises(InputError) as caught:
        parse_recipe(argv, USAGE)
    return str(caught.value)


# The command line


def test_nothing_said_is_the_default():
    assert parse_recipe([], USAGE) == Recipe()


def test_each_kind_of_value():
    got = parsed(
        *("--epochs=3", "--mixup=0.2", "--train_crop=center"),
        *("--crop_area=0.25,1", "--nonesterov", "--data=folder:my cats"),
        *("--seed", "7", "-flip=0", "--zero_gamma=false", "--eval_crop=1"),
    )
    assert got == {
        "epochs": 3,
        "mixup": 0.2,
        "train_crop": "center",
        "crop_area": (0.25, 1.0),
        "nesterov": False,
        "data": "folder:my cats",
        "seed": 7,
        "flip": 0.0,
        "zero_gamma": False,
        "eval_crop": 1.0,
    }


# What a switch cannot be on without.
NEEDS = {
    "freeze_bn": ("--init_weights=a.weights.h5",),
    "new_head": ("--init_weights=a.weights.h5",),
    "cache_teacher": ("--teacher=a", "--train_crop=center", "--flip=0"),
}


@pytest.mark.parametrize(
    "name", [name for name, f in FIELD_OF.items() if type(f.default) is bool]
)
def test_switches_go_off_and_on(name):
    for text in (f"--no{name}", f"--{name}=false", f"--{name}=0"):
        assert parse_recipe([text], USAGE).values()[name] is False
    for text in (f"--{name}", f"--{name}=true"):
        argv = [*NEEDS.get(name, ()), f"--no{name}", text]
        assert parse_recipe(argv, USAGE).values()[name] is True


def test_the_last_of_two_wins():
    assert parsed("--epochs=3", "--epochs=4") == {"epochs": 4}


@pytest.mark.parametrize(
    "argv, message",
    [
        (
            ["--lerning_rate=1"],
            "no such flag. Received: --lerning_rate. "
            "Did you mean --learning_rate?",
        ),
        (
            ["--nozero_gama"],
            "no such flag. Received: --nozero_gama. Did you mean --zero_gamma?",
        ),
        (["--nomixup"], "no such flag. Received: --nomixup. Did you mean --m"),
        (["--qqqq=1"], "no such flag. Received: --qqqq. See --help."),
        (
            ["--norm-weight-decay=0"],
            "no such flag. Received: --norm-weight-decay. "
            "Did you mean --no_bias_decay?",
        ),
        (
            ["--warmup-prefix"],
            "no such flag. Received: --warmup-prefix. Warm-ups",
        ),
        (["--patience=3"], "no such flag. Received: --patience. See --help."),
        (["--mix=1"], "no such flag. Received: --mix. Did you mean --mixup?"),
        (["--epochs=ten"], "flag --epochs=ten: invalid literal"),
        (["--mixup=a"], "flag --mixup=a: could not convert"),
        (["--nesterov=maybe"], "flag --nesterov=maybe: "),
        (["--train_crop=left"], "flag --train_crop=left: value should be one"),
        (["--epochs"], "Missing value for flag --epochs"),
        (["--noexif=false"], "--noexif=false does not take an argument"),
        (
            ["--crop_area=0.1;1"],
            "crop_area must be numbers with commas between. "
            "Received: crop_area=0.1;1",
        ),
        (["--crop_area=0.1"], "crop_area must be 2 numbers. Received: crop_a"),
        (["--epochs=0"], "epochs must be in [1, inf]. Received: epochs=0"),
        (["--momentum=0"], "nesterov needs momentum. Received: nesterov=True"),
        (
            ["pictures", "--epochs=2", "more"],
            "this command takes flags only, each as --name=value. "
            "Received: pictures more",
        ),
    ],
)
def test_refusal_says_what_is_wrong(argv, message):
    assert refusal(*argv).startswith(message)


def test_bad_values_point_to_the_help():
    assert refusal("--epochs=ten").endswith(" (see --help)")


def test_parsing_leaves_nothing_behind():
    """Neither in absl's global table nor in the next parse."""
    from absl import flags as absl_flags

    parse_recipe(["--epochs=3"], USAGE)
    assert "epochs" not in absl_flags.FLAGS
    assert parse_recipe([], USAGE) == Recipe()


def test_options_of_a_command_and_its_files():
    table = (Flag("top_k", 5, "classes"), Flag("tta", "none", "views"))
    argv = ["one.jpg", "--top_k=3", "two.jpg"]
    values, files = flags.parse(argv, USAGE, table)
    assert values == {"top_k": 3, "tta": "none"}
    assert files == ["one.jpg", "two.jpg"]
    with pytest.raises(InputError, match="--epochs. See --help"):
        flags.parse(["--epochs=3"], USAGE, table)


# Flagfiles


def test_comments_and_blank_lines_are_passed_over(folder):
    file = write(
        folder / "a.flags",
        "# --epochs=1",
        "",
        "  --mixup=0.2  ",
        "   # indented",
        "-epochs=4",
        "--nonesterov",
    )
    expected = {"mixup": 0.2, "epochs": 4, "nesterov": False}
    assert parsed(file) == expected
    assert parsed("--flagfile", file.partition("=")[2]) == expected


def test_command_line_wins_wherever_it_stands(folder):
    file = write(folder / "a.flags", "--epochs=4", "--seed=5")
    for argv in (["--epochs=9", file], [file, "--epochs=9"]):
        assert parsed(*argv) == {"epochs": 9, "seed": 5}
    other = write(folder / "b.flags", "--epochs=6")
    assert parsed("--seed=1", file, other) == {"epochs": 6, "seed": 1}


def test_nested_files_are_looked_for_beside_the_one_that_names_them(folder):
    write(folder / "configs" / "base" / "deep.flags", "--seed=3", "--epochs=3")
    write(
        folder / "configs" / "base.flags",
        "--flagfile=base/deep.flags",
        "--epochs=4",
        "--mixup=0.1",
    )
    top = write(
        folder / "configs" / "top.flags",
        "--mixup=0.5",
        "--flagfile=base.flags",
        "--batch_size=16",
    )
    # base.flags stands after --mixup=0.5 and so wins over it.
    expected = {"seed": 3, "epochs": 4, "mixup": 0.1, "batch_size": 16}
    assert parsed(top) == expected


def test_file_beside_wins_over_one_in_the_working_folder(folder):
    write(folder / "elsewhere" / "base.flags", "--seed=1")
    top = write(folder / "top.flags", "--flagfile=base.flags")
    assert parsed(top) == {"seed": 1}
    write(folder / "base.flags", "--seed=2")
    assert parsed(top) == {"seed": 2}


def test_one_file_may_be_named_twice(folder):
    write(folder / "base.flags", "--seed=2")
    top = write(folder / "top.flags", *["--flagfile=base.flags"] * 2)
    assert parsed(top) == {"seed": 2}


@pytest.mark.parametrize("chain", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_circle_of_files_is_refused(folder, chain):
    for name, following in zip(chain, chain[1:] + chain[:1], strict=True):
        write(folder / f"{name}.flags", f"--flagfile={following}.flags")
    message = refusal(f"--flagfile={folder / 'a.flags'}")
    assert message == (
        "a flagfile must not include itself. "
        f"Received: {(folder / 'a.flags').resolve()}"
    )


def test_what_is_no_text_is_refused(folder):
    (folder / "a.flags").write_bytes(b"\xff\xd8\xff\xe0")
    message = refusal(f"--flagfile={folder / 'a.flags'}")
    assert message.startswith("a line of a flagfile is --flag=value or a #")


def test_line_that_is_no_flag_is_refused_with_its_file(folder):
    file = write(folder / "a.flags", "--epochs=4", "mixup=0.2")
    assert refusal(file) == (
        "a line of a flagfile is --flag=value or a # comment. "
        f"Received: 'mixup=0.2' in {(folder / 'a.flags').resolve()}"
    )


def test_unknown_flag_in_a_file_is_refused(folder):
    file = write(folder / "a.flags", "--epoch=4")
    assert refusal(file).endswith("Did you mean --epochs?")


# Recipes as text


ODD = {
    "data": "folder:/my cats/#1=best, 'really' \"so\" --epochs=3",
    "crop_area": (1 / 3, 2 / 3),
    "crop_aspect": (0.1 + 0.2, 4 / 3),
    "learning_rate": 1 / 3,
    "weight_decay": 5e-324,
    "mixup": 1e22,
    "warmup_epochs": 1e-7,
    "normalize": "1,2,3/4,5,6",
    "nesterov": False,
    "seed": 2**31 - 1,
}


@pytest.mark.parametrize("values", [{}, ODD])
def test_text_of_a_recipe_replays_it_exactly(folder, values):
    recipe = Recipe(**values, run_dir="runs/there")
    path = folder / "recipe.flags"
    path.write_text(recipe_text(recipe), encoding="utf-8")
    again = parse_recipe([f"--flagfile={path}", "--run_dir=runs/there"], USAGE)
    assert again == recipe
    assert again.sha256() == recipe.sha256()


SAMPLES = {
    bool: [True, False],
    int: [5, 123456789],
    float: [0.1, 1 / 3, 1e-5, 0.875, 1.0, 4 / 3],
    tuple: [(1 / 3, 0.7), (0.1, 1.0)],
    str: ["", "a b", "x=1"],
}


@pytest.mark.parametrize("name", FIELD_OF)
def test_text_of_each_leaf_replays_it(name):
    about, kind = FIELD_OF[name].metadata, type(FIELD_OF[name].default)
    values = list(about["choices"]) or [
        value
        for value in SAMPLES[kind]
        if kind is not float or about["low"] <= value <= about["high"]
    ]
    assert len(values) > 1
    for value in values:
        argv = [f"--{name}={flag_text(value)}"]
        got = flags.parse(argv, USAGE, flags.RECIPE_FLAGS)[0][name]
        assert got == value and type(got) is kind


def test_text_names_every_leaf_but_the_folder_under_its_section():
    sections, section = {}, None
    for line in recipe_text(Recipe(run_dir="x")).splitlines():
        if line.startswith("--"):
            sections[re.match(r"--(\w+)=", line)[1]] = section
        elif line.startswith("# ") and line[2:] in SECTIONS:
            section = line[2:]
    expected = {field.name: section for section, field in leaves()}
    del expected["run_dir"]
    assert sections == expected


# Help


def test_help_lists_every_leaf_under_its_section(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_recipe(["--epochs=3", "--help"], USAGE)
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(USAGE)
    listed, section = {}, None
    for line in text.splitlines():
        if flag := re.match(r"  --(\w+)=(\S*)", line):
            listed[flag[1]] = (section, flag[2])
        elif title := re.match(r"(\w+): ", line):
            section = title[1]
    assert listed == {
        field.name: (section, flag_text(field.default) or "''")
        for section, field in leaves()
    }
    plain = " ".join(text.split())
    for _, field in leaves():
        assert " ".join(field.metadata["help"].split()) in plain
    for about in SECTIONS.values():
        assert about.__doc__ in text
    assert max(map(len, text.splitlines())) <= 80
