"""The network and what it starts from."""

import keras
import numpy as np

from kerastricks import finetuning, models
from kerastricks.assembly.inputs import Splits, crops
from kerastricks.config import Recipe, normalization
from kerastricks.data import train_pipeline
from kerastricks.errors import InputError
from kerastricks.layers.whitening import whitening_kernel

WHITENING = 5000 * 32**2  # pixels: airbench's 5,000 images


def classifier(
    recipe: Recipe,
    num_classes: int,
    image_size: int,
    precision: str,
    published: str = "",
) -> keras.Model:
    """The network; the same weights under every precision.

    Args:
        published: of a zoo's model, the weights that came with it.
    """
    values, name = recipe.values(), recipe.model.model
    options = {knob: values[knob] for knob in models.knobs(name)}
    if published:
        options["weights"] = published
    model = models.create(
        name,
        num_classes=num_classes,
        image_size=image_size,
        seed=recipe.run.seed,
        dtype=precision,
        **options,
    )
    return models.fuse_batch_norms(model) if models.in_zoo(name) else model


def begun(recipe: Recipe, splits: Splits, fresh: bool = True) -> keras.Model:
    """The network with what it starts from, fixed where it stays so."""
    knobs = recipe.model
    published = published_weights(recipe) if fresh else ""
    model = classifier(
        recipe,
        len(splits.train.class_names),
        splits.image_size,
        recipe.run.precision,
        published,
    )
    if fresh and knobs.init_weights and not published:
        print(*models.init_from(model, knobs.init_weights), sep="\n")
    if fresh and recipe.finetune.finetune:
        print(
            f"finetune   model={knobs.model}, {splits.image_size} px, "
            f"normalize={recipe.augment.normalize}"
        )
    if fresh and knobs.init_weights and needs_new_head(recipe, splits):
        models.renew_head(model)
        print("new        the head, for other classes or by --new_head")
    if knobs.freeze_bn:
        count = models.freeze_batch_norms(model)
        print(f"frozen     {count} batch norms")
    if fresh and knobs.model == "cifar_fast" and not knobs.init_weights:
        images = whitening_images(recipe, splits)
        model.get_layer("whiten").kernel.assign(whitening_kernel(images))
    return model


def needs_new_head(recipe: Recipe, splits: Splits) -> bool:
    """Whether a head that fits in size was made for other classes."""
    theirs = finetuning.source_classes(recipe)
    ours = splits.train.class_names
    if theirs is not None and len(theirs) != len(ours):
        return False  # it is new already
    return recipe.finetune.new_head or theirs not in (None, ours)


def published_weights(recipe: Recipe) -> str:
    """Weights of a zoo's own, if --init_weights names such."""
    name, weights = recipe.model.model, recipe.model.init_weights
    if weights.endswith(".weights.h5") or not (weights and models.in_zoo(name)):
        return ""
    wanted, given = (
        models.published_normalization(name),
        recipe.augment.normalize,
    )
    if not np.allclose(normalization(wanted), normalization(given), rtol=1e-3):
        raise InputError(
            f"published weights of {name} need --normalize={wanted}. "
            f"Received: normalize={given}"
        )
    return weights


def whitening_images(recipe: Recipe, splits: Splits) -> np.ndarray:
    """Some training images of all classes, cropped as they will be."""
    count, side = len(splits.train), splits.image_size
    wanted = min(count, max(1, WHITENING // side**2))
    spread = np.linspace(0, count - 1, wanted).astype(int)
    batches = train_pipeline(
        splits.train.subset(spread),
        image_size=splits.image_size,
        batch_size=min(recipe.data.batch_size, len(spread)),
        seed=recipe.run.seed,
        epochs=1,
        **crops(recipe),
    )
    squares = [batch["image"].numpy() for batch, _ in batches]
    mean, std = normalization(recipe.augment.normalize)
    return (np.concatenate(squares) - np.array(mean)) / np.array(std)
