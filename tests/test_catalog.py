"""The catalogue is whole, its entries exist, and README says the same."""

import dataclasses
import importlib
import pathlib
import re
import runpy

import pytest

from kerastricks.catalog import TRICKS, Trick
from kerastricks.config import FIELD_OF

ROOT = pathlib.Path(__file__).parent.parent
# Leaves that say what is trained on, where, and how it is watched; all others
# belong to a trick.
NO_TRICKS = {
    "data",
    "image_key",
    "label_key",
    "data_service",
    "val_fraction",
    "sample_fraction",
    "image_size",
    "batch_size",
    "on_bad_image",
    "cache",
    "eval_batch_size",
    "run_dir",
    "seed",
    "backend",
    "checkpoint_minutes",
    "checkpoint_steps",
    "keep_checkpoints",
    "export",
}

each_trick = pytest.mark.parametrize(
    "trick", TRICKS, ids=[trick.name for trick in TRICKS]
)


@pytest.fixture(scope="module")
def table_tool():
    return runpy.run_path(str(ROOT / "tools" / "readme_table.py"))


@each_trick
def test_flags_are_leaves_of_the_recipe(trick: Trick):
    assert set(trick.flags) <= set(FIELD_OF)


@each_trick
def test_module_imports_and_has_a_card(trick: Trick):
    card = importlib.import_module(trick.module).__doc__
    assert card and card.strip()


@each_trick
def test_module_has_a_mirrored_test(trick: Trick):
    """A file of its own, or a case in the golden file's test of its folder."""
    *folders, name = trick.module.split(".")[1:]
    folder = ROOT.joinpath("tests", *folders)
    golden = folder / f"test_golden_{folder.name}.py"
    own = (folder / f"test_{name}.py").is_file()
    assert own or f'"{name}' in golden.read_text(encoding="utf-8")


@each_trick
def test_paper_is_an_arxiv_number(trick: Trick):
    assert re.fullmatch(r"(\d{4}\.\d{4,5})?", trick.paper)


@each_trick
def test_cells_fit_a_table(trick: Trick):
    for field in ("name", "cost", "checked_against"):
        text = getattr(trick, field)
        assert text == text.strip() and "|" not in text and "\n" not in text
        assert 0 < len(text) <= 60


def test_names_are_unique():
    names = [trick.name.lower() for trick in TRICKS]
    assert len(set(names)) == len(names)


def test_every_knob_of_the_recipe_belongs_to_one_trick_or_to_none():
    flags = [flag for trick in TRICKS for flag in trick.flags]
    assert sorted({*flags}) == sorted(set(FIELD_OF) - NO_TRICKS)
    shared = {flag for flag in flags if flags.count(flag) > 1}
    assert shared <= {
        "loss",
        "model",
        "opt",
        "policy",
        "schedule",
    }  # each value is a trick


def test_every_batch_trick_is_there():
    from kerastricks import augment

    exported = [getattr(augment, name) for name in augment.__all__]
    modules = {
        item.__module__
        for item in exported
        if isinstance(item, type)
        and issubclass(item, augment.BatchTrick)
        and not item.__subclasses__()  # what several tricks share
    }
    assert modules and modules <= {trick.module for trick in TRICKS}


def test_readme_has_the_table_of_today(table_tool):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table_tool["between_markers"](text) == table_tool["table"](), (
        "run: python tools/readme_table.py --write"
    )


def test_table_goes_between_the_markers(table_tool):
    start, end = table_tool["START"], table_tool["END"]
    text = table_tool["with_table"](f"above\n{start}\nold\n{end}\nbelow\n")
    assert text == f"above\n{start}\n{table_tool['table']()}\n{end}\nbelow\n"
    assert table_tool["with_table"](text) == text
    row = table_tool["cells"](Trick("A", "1234.56789", ("x",), "k.a", "c", "n"))
    assert row == ("[A](k/a.py)", "`--x`", "1234.56789", "c", "n")
    with pytest.raises(ValueError, match="each marker once. Received: 0 of"):
        table_tool["between_markers"]("a README without markers")


def test_entries_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRICKS[0].name = "other"
