"""The catalogue is whole, its entries exist, and its pages are of today."""

import dataclasses
import importlib
import pathlib
import re
import runpy

import pytest

from kerastricks import flags
from kerastricks.catalog import TRICKS, Trick
from kerastricks.config import FIELD_OF, idle_knobs

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
def pages_tool():
    return runpy.run_path(str(ROOT / "tools" / "trick_pages.py"))


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
    knobs = [flag for trick in TRICKS for flag in trick.flags]
    assert sorted({*knobs}) == sorted(set(FIELD_OF) - NO_TRICKS)
    shared = {knob for knob in knobs if knobs.count(knob) > 1}
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


def test_pages_are_those_of_today(pages_tool):
    made = pages_tool["pages"]()
    there = set((ROOT / "docs" / "tricks").glob("*.md"))
    assert there == set(made) - {ROOT / "README.md"}
    old = [p for p, text in made.items() if p.read_text("utf-8") != text]
    assert not old, "run: python tools/trick_pages.py --write"


def test_readme_counts_the_tricks():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"it: {len(TRICKS)} of them" in text


def test_every_part_of_the_table_begins_with_a_trick(pages_tool):
    names = [trick.name for trick in TRICKS]
    assert set(pages_tool["PARTS"]) <= set(names)
    assert names[0] in pages_tool["PARTS"]
    index = pages_tool["index"]()
    assert index.count("\n| [") == len(TRICKS)


def test_table_goes_between_the_markers(pages_tool):
    start, end = pages_tool["START"], pages_tool["END"]
    text = pages_tool["with_table"](f"above\n{start}\nold\n{end}\nbelow\n")
    assert text.startswith(f"above\n{start}\n| Trick |")
    assert text.endswith(f"|\n{end}\nbelow\n")
    assert text.count("\n| [") == sum(trick.headline for trick in TRICKS)
    assert pages_tool["with_table"](text) == text
    with pytest.raises(ValueError, match="each marker once. Received: 0 of"):
        pages_tool["with_table"]("a README without markers")


def test_a_page_says_what_the_catalogue_says(pages_tool):
    trick = Trick(
        "Fast.ai's: A", "1234.56789", ("mixup",), "kerastricks.scaling", "c",
        "n", "--mixup=1", objects=("augment.MixUp", "augment.mixup_batch"),
    )  # fmt: skip
    link = "[1234.56789](https://arxiv.org/abs/1234.56789)"
    assert pages_tool["cells"](trick, "x/") == (
        "[Fast.ai's: A](x/fast-ais-a.md)", link, "`--mixup`", "n", "c",
    )  # fmt: skip
    page = pages_tool["card"](trick)
    for line in (
        f"- **Paper:** arXiv {link}",
        "python -m kerastricks.train --data=folder:flowers --mixup=1",
        "| `--mixup` | `0.0` | alpha of mixup's Beta(alpha, alpha); "
        "ImageNet: 0.2 |",
        "from kerastricks.augment import MixUp, mixup_batch",
        "    linear:  rate * batch_size / base",  # code, to Markdown
    ):
        assert f"\n{line}\n" in page


def test_every_page_says_when_the_trick_hurts(pages_tool):
    for trick in TRICKS:
        assert "**Hurts:** " in pages_tool["card"](trick), trick.name


def test_prose_has_labels_on_lines_of_their_own(pages_tool):
    text = "Paper: A, arXiv 1706.02677. Acts\non: B. Cost: none. Keras's is C."
    link = "[1706.02677](https://arxiv.org/abs/1706.02677)"
    assert pages_tool["paragraph"](text) == (
        f"**Paper:** A, arXiv {link}.\n\n**Acts on:** B.\n\n"
        "**Cost:** none.\n\nKeras's is C."
    )
    assert pages_tool["paragraph"]("a * b\n+ c\n1) d") == (
        "a \\* b\n\\+ c\n1\\) d"
    )


@each_trick
def test_example_has_the_trick_and_nothing_idle(trick: Trick):
    command = trick.example.split()[0]
    if not command.startswith("--"):
        assert (trick.command or "export").startswith(command)
        return
    recipe = flags.parse_recipe(trick.example.split(), "")
    named = set(re.findall(r"--(\w+)", trick.example))
    assert not trick.flags or named & set(trick.flags)
    assert not idle_knobs(recipe)


@each_trick
def test_objects_are_there(trick: Trick):
    for path in trick.objects:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(f"kerastricks.{module}"), name)


def test_entries_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TRICKS[0].name = "other"
