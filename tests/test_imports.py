"""Imports point one way, and nothing heavy is imported before it is needed."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pytest

import kerastricks
from kerastricks.config import leaves

PACKAGE = pathlib.Path(kerastricks.__file__).parent
HEAVY = ("tensorflow", "keras", "keras_cv", "jax", "torch")

# What each part may import: parts of kerastricks, then other people's packages.
# A part may always import itself and the standard library. What is not named
# here stands above build.py: it may import anything, and none of these may
# import it.
TRICK = ({"backend", "checks", "errors"}, {"keras", "numpy"})
RULES: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "checks": ({"errors"}, set()),
    "config": ({"call_text", "errors", "models", "scaling"}, set()),
    "scaling": (set(), set()),
    "call_text": ({"errors"}, set()),
    "catalog": (set(), set()),
    "files": (set(), set()),
    "command": ({"errors", "progress"}, set()),
    "progress": (set(), set()),
    "flags": ({"config", "errors", "flagfiles", "__version__"}, {"absl"}),
    "flagfiles": ({"errors"}, set()),
    "run_dir": ({"config", "errors", "files", "flags"}, set()),
    "hardware": ({"backend", "config", "errors", "finetuning"}, {"keras"}),
    "finetuning": ({"config", "errors", "models", "run_dir"}, set()),
    "backend": (set(), {"keras"}),
    "backend.tensorflow": (set(), {"keras", "tensorflow"}),
    "backend.jax": (set(), {"keras", "jax"}),
    "data": ({"errors", "files"}, {"numpy", "tensorflow"}),
    "data.headers": (set(), {"PIL"}),
    "data.sources.tfds": (
        {"errors", "files"},
        {"numpy", "tensorflow", "tensorflow_datasets", "array_record"},
    ),
    "data.policies.keras_cv": (
        {"call_text", "errors"},
        {"numpy", "tensorflow", "keras", "keras_cv"},
    ),
    "augment": TRICK,
    "layers": TRICK,
    "losses": TRICK,
    "schedules": TRICK,
    "optimizers": TRICK,
    "evaluation": TRICK,
    "models": (TRICK[0] | {"layers"}, TRICK[1]),
    "models.names": ({"errors"}, set()),
    "models.weights": ({"errors"}, {"keras", "numpy", "h5py"}),
    "models.weights.tensor_files": ({"errors"}, {"numpy", "torch"}),
    "models.zoo.backbones": (
        {"call_text", "errors"},
        {"keras", "numpy", "keras_cv", "keras_hub"},
    ),
    "models.__main__": ({"command", "flags", "models"}, set()),
    "report": ({"evaluation"}, {"numpy"}),
    "report.contact_sheet": (set(), {"numpy", "PIL"}),
    "report.lr_chart": (set(), {"numpy", "PIL"}),
    "training": (
        {"augment", "backend", "errors", "files", "losses", "optimizers"}
        | {"progress"},
        {"keras", "numpy", "tensorflow"},
    ),
    "assembly": (
        {"augment", "config", "data", "errors", "evaluation", "finetuning"}
        | {"layers", "losses", "models", "optimizers", "progress", "scaling"}
        | {"schedules", "training"},
        {"keras", "numpy", "tensorflow"},
    ),
    "build": ({"assembly", "data"}, set()),
    "trained": (
        {"augment", "build", "config", "data", "errors", "run_dir"}
        | {"training"},
        {"keras", "numpy", "tensorflow"},
    ),
    "outcome": (
        {"build", "config", "data", "evaluation", "trained"},
        {"keras", "numpy"},
    ),
    "view_flags": ({"errors", "evaluation", "flags"}, set()),
    "views": (
        {"augment", "build", "config", "data", "errors", "evaluation"}
        | {"models", "progress", "trained", "training"},
        {"numpy", "tensorflow"},
    ),
    "checkpoint_weights": ({"errors", "training"}, {"keras", "numpy"}),
    "assess": (
        {"build", "checkpoint_weights", "config", "data", "errors"}
        | {"evaluation", "files", "models", "outcome", "progress"}
        | {"report", "run_dir", "trained", "training", "views"},
        {"numpy", "tensorflow", "PIL"},
    ),
}


def imports(source: str) -> set[str]:
    """Full names of all that a module imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return found


def rule_of(name: str) -> str:
    """The most special of the rules that cover a part of kerastricks."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in RULES:
            return ".".join(parts[:end])
    return ""


def offences(module: str, source: str) -> list[str]:
    """What a module of kerastricks must not import but does."""
    own = module.partition(".")[2]
    rule = rule_of(own)
    bad = []
    for name in sorted(imports(source)):
        top, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if name.startswith(("keras.src", ".")):  # private, relative
            bad.append(name)
        elif not rule or top in sys.stdlib_module_names:
            continue
        elif top != "kerastricks":
            if top not in RULES[rule][1]:
                bad.append(name)
        elif part not in RULES[rule][0] | {rule.split(".")[0]}:
            bad.append(name)
    return bad


def modules() -> dict[str, pathlib.Path]:
    """Every file of the package by the module's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()
COMMANDS = [
    name
    for name, path in MODULES.items()
    if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_what_it_may(module):
    source = MODULES[module].read_text(encoding="utf-8")
    assert offences(module, source) == []


def test_every_rule_is_about_something_that_exists():
    known = {name.partition(".")[2] for name in MODULES}
    assert set(RULES) - known == set()
    named = set().union(*(own for own, _ in RULES.values()))
    assert named - known == {"__version__"}


def test_rules_have_no_circle():
    left = {name: own - {name} for name, (own, _) in RULES.items()}
    while left:
        free = {name for name, own in left.items() if not own & set(left)}
        assert free, f"these import each other: {sorted(left)}"
        left = {name: own for name, own in left.items() if name not in free}


@pytest.mark.parametrize(
    "module, line, bad",
    [
        ("config", "import numpy", "numpy"),
        ("config", "from kerastricks import flags", "kerastricks.flags"),
        ("flags", "import keras", "keras"),
        ("files", "from kerastricks.errors import InputError", "kerastricks.e"),
        ("data.decode", "import keras", "keras"),
        ("data.sources.csv", "from keras import ops", "keras.ops"),
        ("data.crop", "from kerastricks.config import Recipe", "kerastricks.c"),
        ("data.crop", "import kerastricks.flags", "kerastricks.flags"),
        ("augment.cutmix", "import tensorflow as tf", "tensorflow"),
        ("augment.cutmix", "import tensorflow.math", "tensorflow.math"),
        ("augment.cutmix", "import jax.numpy as jnp", "jax.numpy"),
        ("augment.cutmix", "from kerastricks import layers", "kerastricks.l"),
        ("augment.cutmix", "from ..losses import Loss", "..losses.Loss"),
        ("augment.cutmix", "from . import draws", "..draws"),
        ("augment.cutmix", "import kerastricks", "kerastricks"),
        ("augment", "from kerastricks.data import crop", "kerastricks.data.c"),
        ("layers.drop_path", "from kerastricks import models", "kerastricks.m"),
        ("losses", "def f():\n    import tensorflow", "tensorflow"),
        ("schedules", "if 1:\n from kerastricks import build", "kerastricks.b"),
        ("report.page", "import keras", "keras"),
        ("report.page", "from kerastricks.data import crop", "kerastricks.da"),
        ("training.ema", "from kerastricks.config import Recipe", "kerastr"),
        ("training.ema", "from kerastricks import models", "kerastricks.mod"),
        ("backend.jax", "import tensorflow", "tensorflow"),
        ("backend", "import jax", "jax"),
        ("build", "from kerastricks import train", "kerastricks.train"),
        ("build", "from kerastricks.flags import parse", "kerastricks.flags."),
        ("train", "from keras.src import ops", "keras.src.ops"),
        ("train", "from keras import src", "keras.src"),
        ("models.zoo", "import keras.src.layers", "keras.src.layers"),
    ],
)
def test_offender_is_caught(module, line, bad):
    source = f"import math\nfrom typing import Any\n{line}\n"
    found = offences(f"kerastricks.{module}", source)
    assert len(found) == 1 and found[0].startswith(bad)


@pytest.mark.parametrize(
    "module, line",
    [
        ("config", "from kerastricks.errors import InputError"),
        ("data.crop", "import tensorflow as tf\nimport numpy as np"),
        ("augment.cutmix", "from kerastricks.augment import draws"),
        ("augment", "from keras import ops"),
        ("models.zoo", "from kerastricks.layers import FusedBatchNorm"),
        ("backend.tensorflow", "import tensorflow as tf"),
        ("train", "from kerastricks import flags, build\nimport tensorflow"),
    ],
)
def test_what_is_allowed_is_not_complained_of(module, line):
    assert offences(f"kerastricks.{module}", line) == []


# What is imported when a process starts


def heavy_after(script: str) -> set[str]:
    """Which heavy packages a script has loaded; it runs in the repository."""
    report = f"\nprint('heavy', *({set(HEAVY)} & sys.modules.keys()))"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}{report}"],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_importing_the_package_loads_nothing_heavy():
    script = (
        "import kerastricks\n"
        "recipe = kerastricks.Recipe(mixup=0.2).validate()\n"
        "print(recipe.sha256(), kerastricks.run, kerastricks.Result)\n"
    )
    assert heavy_after(script) == set()


def test_heavy_import_would_be_noticed():
    script = "sys.modules['jax'] = sys.modules['keras'] = sys"
    assert heavy_after(script) == {"jax", "keras"}


HELP = """
import runpy
sys.argv = ["prog", "--help"]
try:
    runpy.run_module({command!r}, run_name="__main__")
    code = None
except SystemExit as end:
    code = end.code
assert code == 0, code
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_loads_nothing_heavy(command):
    assert heavy_after(HELP.format(command=command)) == set()


def test_help_of_train_is_all_that_it_prints():
    done = subprocess.run(
        [sys.executable, "-m", "kerastricks.train", "--help"],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^  --(\w+)=|^(\w+): ", done.stdout, re.MULTILINE)
    expected = []
    for section, field in leaves():
        if ("", section) not in expected:
            expected.append(("", section))
        expected.append((field.name, ""))
    assert listed == expected


def test_the_commands_are_found():
    names = {command.partition(".")[2] for command in COMMANDS}
    assert {"train", "evaluate", "predict", "export"} <= names


def test_public_packages_come_with_the_first_use():
    for name in kerastricks._PACKAGES:
        assert f"kerastricks.{name}" in MODULES
    for name in kerastricks.__all__:
        assert getattr(kerastricks, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = kerastricks.trian
