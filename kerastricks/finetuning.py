"""What `--finetune` stands for: a network, its weights, how it sees images.

RUN_DIR       a run: network, weights, normalisation, image size
FILE          weights of the network that --model names
keras:NAME    another library's model with its published weights
"""

import pathlib
from collections.abc import Collection
from typing import Any

from kerastricks.config import FIELD_OF, Recipe
from kerastricks.errors import InputError
from kerastricks.models.names import LEARNING, in_zoo, knobs, parse
from kerastricks.run_dir import RunDir

# What init_weights reads.
FILES = (".weights.h5", ".safetensors", ".pth", ".pt", ".bin", ".tar")
# Brought along, but for the user to change: networks take images of any size.
OPEN = {"image_size"}


def expanded(recipe: Recipe, said: Collection[str] = ()) -> Recipe:
    """The recipe with what --finetune stands for spelled out.

    Args:
        said: the leaves that were named, be it with their defaults.
    """
    source = recipe.finetune.finetune
    if not source:
        return recipe
    values = recipe.values()
    wanted_values = brought_before(recipe) or brought(source)
    for name, wanted in wanted_values.items():
        own = name in said or values[name] != FIELD_OF[name].default
        if own and values[name] != wanted:
            if name in OPEN:
                continue
            raise InputError(
                f"finetune brings {name}={wanted} along: leave {name} out. "
                f"Received: {name}={values[name]}, finetune={source}"
            )
        values[name] = wanted
    return Recipe(**values)


def brought_before(recipe: Recipe) -> dict[str, Any]:
    """What the run took with it when it began, wherever its source is now."""
    folder = RunDir(pathlib.Path(recipe.run.run_dir))
    if not (recipe.run.run_dir and folder.has_progress()):
        return {}
    if not folder.recipe_file.is_file():
        return {}
    before = folder.recipe()
    if before.finetune.finetune != recipe.finetune.finetune:
        return {}
    names = knobs(before.model.model) - LEARNING
    names |= {"model", "init_weights", "image_size"}
    if recipe.augment.normalize != "dataset":  # which it is not measured as yet
        names.add("normalize")
    return {name: before.values()[name] for name in sorted(names)}


def brought(source: str) -> dict[str, Any]:
    """The leaves that a source of weights settles."""
    if in_zoo(source):
        from kerastricks.models import published_normalization

        return {
            "model": source,
            "init_weights": "imagenet",
            "normalize": published_normalization(source),
        }
    path = pathlib.Path(source).expanduser()
    if (path / "recipe.flags").is_file():
        return of_run(RunDir(path))
    if path.is_file() and path.name.endswith(FILES):
        return {"init_weights": source}
    if not path.exists() and (path.suffix or path.parent.name):
        raise InputError(
            "finetune names a file or folder that is not there. "
            f"Received: finetune={source}"
        )
    raise InputError(
        "finetune must be the folder of a run (it holds recipe.flags), a file "
        f"of weights ({', '.join(FILES)}) or keras:NAME. "
        f"Received: finetune={source}"
    )


def of_run(folder: RunDir) -> dict[str, Any]:
    """The same of a run."""
    recipe = folder.recipe()
    size = folder.read(folder.effective_file)["data"]["image_size"]
    if not folder.best_weights.is_file():
        raise InputError(
            "this run has no weights yet: its first epoch is not over. "
            f"Received: finetune={folder.path}"
        )
    name = recipe.model.model
    taken = {k: recipe.values()[k] for k in sorted(knobs(name) - LEARNING)}
    return (
        taken
        | settled_stem(recipe, size)
        | {
            "model": name,
            "init_weights": str(folder.best_weights),
            "normalize": recipe.augment.normalize,
            "image_size": size,
        }
    )


def settled_stem(recipe: Recipe, image_size: int) -> dict[str, Any]:
    """The stem that `auto`, which goes by the images, stood for in a run."""
    if "stem" not in knobs(recipe.model.model):
        return {}
    from kerastricks.models.resnet import chosen_stem

    variant = parse(recipe.model.model)[1]["variant"]
    return {"stem": chosen_stem(recipe.model.stem, variant, image_size)}


def source_classes(recipe: Recipe) -> tuple[str, ...] | None:
    """The classes that the weights were made for, where a run tells."""
    path = pathlib.Path(recipe.finetune.finetune).expanduser()
    if not recipe.finetune.finetune or not path.is_dir():
        return None
    folder = RunDir(path)
    return tuple(folder.read(folder.effective_file)["data"]["class_names"])
