"""The recipe: every knob of an experiment once, in the order of a step.

A leaf's name is unique over all sections and is also its absl flag:
`recipe.augment.mixup` is `--mixup`. Strength 0 (or an empty text) is off.
"""

import dataclasses
import difflib
import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from kerastricks.errors import InputError
from kerastricks.models.names import KNOBS, knobs

Value = bool | int | float | str | tuple[float, ...]


def knob(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    low: float = -math.inf,
    high: float = math.inf,
    identity: bool = True,
    spread: bool = False,
) -> Any:
    """A leaf of the recipe.

    Args:
        low, high: inclusive bounds of a number, or of each of several.
        identity: whether another value makes another experiment; a run may
            be resumed only by a recipe whose identity is the same.
        spread: whether of several numbers one may be given for all.
    """
    about = dict(
        help=help,
        choices=choices,
        low=low,
        high=high,
        identity=identity,
        spread=spread,
    )
    return dataclasses.field(default=default, metadata=about)


@dataclasses.dataclass(frozen=True)
class Data:
    """Where images come from and how they become uint8 squares."""

    data: str = knob(
        "shapes",
        "shapes | folder:PATH | tfds:NAME[/CONFIG][@VERSION] | tfrecord:GLOB | "
        "csv:FILE | arrays:FILE.npz",
    )
    image_key: str = knob("image/encoded", "of the bytes in a TFRecord")
    label_key: str = knob("image/class/label", "of the label in a TFRecord")
    val_fraction: float = knob(
        0.1,
        "share of each class kept for validation when the data has no "
        "val or test split of its own",
        low=0.0,
        high=0.9,
    )
    sample_fraction: float = knob(
        1.0, "train on this share of each class", low=0.0, high=1.0
    )
    image_size: int = knob(
        0, "side of the model's input; 0: what suits the data", low=0
    )
    batch_size: int = knob(128, "images in one optimizer step", low=1)
    sampler: str = knob(
        "uniform",
        "uniform: every image once an epoch; balanced: every class equally "
        "often",
        choices=("uniform", "balanced"),
    )
    repeat_augment: int = knob(
        0, "draws of an image that a batch holds; 0: one (DeiT: 3)", low=0
    )
    exif: bool = knob(True, "turn JPEGs as their EXIF orientation says")
    max_pixels: int = knob(
        178_956_970, "larger images are bad ones; 0: no limit", low=0
    )
    train_crop: str = knob(
        "rrc",
        "rrc: random resized crop; pad: short side to the size, padding "
        "around, a random square; resize: short side to size / eval_crop, a "
        "random square; center: as in evaluation",
        choices=("rrc", "pad", "resize", "center"),
    )
    crop_area: tuple[float, float] = knob(
        (0.08, 1.0), "smallest,largest share of the image", low=0.0, high=1.0
    )
    crop_aspect: tuple[float, float] = knob(
        (3 / 4, 4 / 3), "smallest,largest width / height of a crop", low=0.01
    )
    crop_padding: int = knob(4, "pixels that train_crop=pad adds", low=0)
    crop_fill: str = knob(
        "zeros",
        "what train_crop=pad adds: black, or the mirrored image",
        choices=("zeros", "reflect"),
    )
    interpolation: str = knob(
        "bilinear",
        "of every resize, antialiased; random: either in training, bicubic "
        "in evaluation",
        choices=("bilinear", "bicubic", "random"),
    )
    decode_scale: bool = knob(
        True,
        "decode large JPEGs at 1/2, 1/4 or 1/8 where a training crop stays "
        "twice as large as the square",
    )
    eval_crop: float = knob(
        0.875,
        "share of the short side that evaluation's centre crop keeps",
        low=0.1,
        high=1.0,
    )
    policy: str = knob(
        "",
        "what is done to each image: autoaugment[-imagenet|-cifar|-svhn] | "
        "randaugment-n2-m9 | trivialaugment | augmix | 3augment | "
        "keras_cv:LAYER",
    )
    on_bad_image: str = knob(
        "error",
        "error: stop and name the file; skip: leave such files out",
        choices=("error", "skip"),
    )
    cache: str = knob(
        "none",
        "keep decoded images in memory or on the local disk",
        choices=("none", "ram", "disk"),
    )
    data_service: str = knob(
        "",
        "HOST:PORT of a tf.data service that makes the training batches; they "
        "may come in another order",
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class Augment:
    """What happens to a batch on the device, inside the step."""

    flip: float = knob(
        0.5, "probability of mirroring an image", low=0.0, high=1.0
    )
    flip_mode: str = knob(
        "random",
        "random: by chance; alternate: every other epoch, from a side that "
        "chance gives each image",
        choices=("random", "alternate"),
    )
    vflip: float = knob(
        0.0, "probability of turning an image upside down", low=0.0, high=1.0
    )
    translate: int = knob(
        0, "largest shift in pixels, mirrored in; 32 px: 2 to 4", low=0
    )
    blur: float = knob(0.0, "probability of a Gaussian blur", low=0.0, high=1.0)
    blur_sigma: tuple[float, float] = knob(
        (0.1, 2.0), "smallest,largest deviation of the blur in pixels", low=0.0
    )
    color_jitter: tuple[float, float, float] = knob(
        (0.0, 0.0, 0.0),
        "strength of brightness,contrast,saturation, or one for all; "
        "ImageNet: 0.4",
        low=0.0,
        spread=True,
    )
    hue: float = knob(
        0.0, "largest turn of the hue in half circles", low=0.0, high=0.5
    )
    jitter_clip: str = knob(
        "end",
        "cut jittered colours to 0..255 at the end, in one pass, or after each "
        "step, as torchvision",
        choices=("end", "step"),
    )
    jitter_order: str = knob(
        "random",
        "of brightness, contrast, saturation, hue: each image its own, or "
        "fixed as they stand here; shows only with jitter_clip=step",
        choices=("random", "fixed"),
    )
    grayscale: float = knob(
        0.0, "probability of taking an image's colours", low=0.0, high=1.0
    )
    pca_noise: float = knob(
        0.0, "deviation of AlexNet's colour noise; ImageNet: 0.1", low=0.0
    )
    normalize: str = knob(
        "imagenet",
        "imagenet | dataset (measured) | none | r,g,b/r,g,b (mean/std on "
        "0..255)",
    )
    cutout: int = knob(
        0, "side in pixels of the squares that go; CIFAR-10: 16", low=0
    )
    cutout_holes: int = knob(1, "squares in an image", low=1)
    erasing: float = knob(
        0.0, "probability of erasing a rectangle", low=0.0, high=1.0
    )
    erasing_law: str = knob(
        "torchvision",
        "area and aspect: torchvision's (also timm's), or the paper's code's",
        choices=("torchvision", "paper"),
    )
    erasing_fill: str = knob(
        "mean",
        "mean: 0 once normalised, the mean colour; color: a random one; "
        "noise: N(0, 1) for each pixel",
        choices=("mean", "color", "noise"),
    )
    grid_mask: float = knob(
        0.0, "probability of erasing a grid of squares", low=0.0, high=1.0
    )
    grid_mask_ratio: float = knob(
        0.6, "share of the grid's period that stays", low=0.01, high=0.99
    )
    hide_and_seek: float = knob(
        0.0, "probability of each cell of a grid to go", low=0.0, high=1.0
    )
    mixup: float = knob(
        0.0, "alpha of mixup's Beta(alpha, alpha); ImageNet: 0.2", low=0.0
    )
    cutmix: float = knob(
        0.0, "alpha of CutMix's Beta(alpha, alpha); paper: 1", low=0.0
    )
    ricap: float = knob(
        0.0, "beta of RICAP's Beta(beta, beta); paper: 0.3", low=0.0
    )
    mix_prob: float = knob(
        1.0, "share of batches that are mixed at all", low=0.0, high=1.0
    )
    mix_switch: float = knob(
        0.5,
        "share of these that leave the first of mixup, cutmix, ricap that is "
        "on for the others",
        low=0.0,
        high=1.0,
    )
    mix_per: str = knob(
        "batch",
        "one draw of trick, weight and box for the batch, or for each sample",
        choices=("batch", "sample"),
    )
    mix_partner: str = knob(
        "permutation",
        "whom mixup and cutmix mix a sample with: of a permutation, the one "
        "before (roll), from the batch's other end (reverse)",
        choices=("permutation", "roll", "reverse"),
    )
    mix_off_epochs: int = knob(0, "train the last epochs without mixing", low=0)


@dataclasses.dataclass(frozen=True)
class Model:
    """The classifier."""

    model: str = knob(
        "resnet18_d",
        "name; `python -m kerastricks.models` lists them; keras:NAME, "
        "keras_cv:NAME and keras_hub:PRESET are other people's",
    )
    init_weights: str = knob(
        "",
        "start from these: .weights.h5 of a run or of import_weights; timm's "
        ".safetensors or .pth; for zoo models imagenet or their own file. "
        "Another number of classes: a new head",
    )
    width: float = knob(
        1.0, "factor of every count of channels", low=0.05, high=16.0
    )
    stem: str = knob(
        "auto",
        "7x7 or deep (three 3x3): 1/4 of the size; small: one 3x3, full size; "
        "auto: small up to 48 px, else the variant's",
        choices=("auto", "7x7", "deep", "small"),
    )
    activation: str = knob(
        "relu",
        "relu, leaky_relu (slope .01), gelu (exact) or silu",
        choices=("relu", "leaky_relu", "gelu", "silu"),
    )
    bn_after_activation: bool = knob(
        False, "batch norm after the activation, not before it"
    )
    blur_pool: bool = knob(
        False, "blur before a residual branch or the stem drops pixels"
    )
    spectral_norm: bool = knob(
        False, "divide every convolution by its largest singular value"
    )
    drop_path: float = knob(
        0.0,
        "stochastic depth: how often a sample skips the last block; earlier "
        "ones in proportion",
        low=0.0,
        high=0.99,
    )
    pool: str = knob(
        "avg",
        "global pooling: avg, or concat: the maximum beside the mean",
        choices=("avg", "concat"),
    )
    dropout: float = knob(
        0.0,
        "share of the head's inputs that is dropped (wrn: within the blocks)",
        low=0.0,
        high=0.99,
    )
    zero_gamma: bool = knob(
        True, "start each residual branch at zero (its last BN's gamma)"
    )
    freeze_bn: bool = knob(
        False, "batch norms stay as init_weights has them, statistics and all"
    )
    init: str = knob(
        "glorot_uniform",
        "glorot_uniform as in the paper, he_normal as in torch (fan out)",
        choices=("glorot_uniform", "he_normal"),
    )


@dataclasses.dataclass(frozen=True)
class Loss:
    """What is minimised."""

    label_smoothing: float = knob(
        0.1, "share of the target spread over all classes", low=0.0, high=0.99
    )
    class_weights: str = knob(
        "",
        "balanced: by how rare a class is; or w0,w1,... in the order of the "
        "classes",
    )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How weights follow their gradients."""

    learning_rate: float = knob(
        0.1, "peak, per 256 images in a batch (see lr_scaling)", low=0.0
    )
    lr_scaling: str = knob(
        "linear",
        "linear: times batch_size / 256; none: as given",
        choices=("linear", "none"),
    )
    momentum: float = knob(0.9, "of SGD", low=0.0, high=0.9999)
    nesterov: bool = knob(True, "Nesterov's momentum")
    sgd_semantics: str = knob(
        "torch",
        "whose SGD a published learning rate and weight decay are meant for",
        choices=("torch", "mxnet", "decoupled"),
    )
    weight_decay: float = knob(1e-4, "as the chosen semantics has it", low=0.0)
    no_bias_decay: bool = knob(
        True, "decay no bias and no batch-norm scale (1-D variables)"
    )


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long, and with which learning rate at each step."""

    epochs: int = knob(30, "passes over the training images", low=1)
    warmup_epochs: float = knob(
        -1.0,
        "linear warm-up before the cosine; -1: a sixth of the run, at most 5",
        low=-1.0,
    )


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """How the result is measured."""

    eval_batch_size: int = knob(
        0, "images in one evaluation batch; 0: batch_size", low=0
    )
    clean_images: int = knob(
        512,
        "training images, always the same, on which each epoch's accuracy is "
        "also told without augmentation; 0: none",
        low=0,
    )


@dataclasses.dataclass(frozen=True)
class Run:
    """Where and how the run is carried out."""

    run_dir: str = knob(
        "",
        "folder of the run; empty: runs/DATA-MODEL-HASH, the same for the "
        "same recipe",
        identity=False,
    )
    seed: int = knob(0, "of every random draw", low=0, high=2**31 - 1)
    backend: str = knob(
        "auto",
        "Keras backend; auto: $KERAS_BACKEND, else tensorflow",
        choices=("auto", "tensorflow", "jax"),
    )
    precision: str = knob(
        "auto",
        "of the compute; weights, logits and losses stay float32; auto: "
        "bfloat16 where the hardware has it",
        choices=(
            "auto",
            "float32",
            "bfloat16",
            "float16",
            "mixed_bfloat16",
            "mixed_float16",
        ),
    )
    checkpoint_minutes: float = knob(
        10.0, "write one this often; 0: not by time", low=0.0, identity=False
    )
    checkpoint_steps: int = knob(
        0, "write one every so many steps; 0: not", low=0, identity=False
    )
    keep_checkpoints: int = knob(
        2, "how many of the newest to keep", low=1, identity=False
    )
    export: bool = knob(
        True, "write saved_model/ when the run is done", identity=False
    )


SECTIONS: dict[str, type] = {
    "data": Data,
    "augment": Augment,
    "model": Model,
    "loss": Loss,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "evaluate": Evaluate,
    "run": Run,
}


def leaves() -> Iterator[tuple[str, dataclasses.Field]]:
    """(section, field) of every knob, in order."""
    for section, cls in SECTIONS.items():
        for field in dataclasses.fields(cls):
            yield section, field


SECTION_OF = {field.name: section for section, field in leaves()}
FIELD_OF = {field.name: field for _, field in leaves()}


@dataclasses.dataclass(frozen=True, init=False)
class Recipe:
    """One experiment.

    Args:
        **values: leaves by name; the others keep their defaults.

    Example:
        recipe = Recipe(data="folder:flowers", mixup=0.2, epochs=60)
        recipe.augment.mixup  # 0.2
        longer = recipe.replace(epochs=120)
    """

    data: Data
    augment: Augment
    model: Model
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    evaluate: Evaluate
    run: Run

    def __init__(self, **values: Any) -> None:
        given: dict[str, dict[str, Value]] = {name: {} for name in SECTIONS}
        for name, value in values.items():
            if name not in SECTION_OF:
                raise InputError(unknown_name(name))
            given[SECTION_OF[name]][name] = checked(FIELD_OF[name], value)
        for section, cls in SECTIONS.items():
            object.__setattr__(self, section, cls(**given[section]))

    def values(self) -> dict[str, Value]:
        """Every leaf by name, in order."""
        return {
            field.name: getattr(getattr(self, section), field.name)
            for section, field in leaves()
        }

    def replace(self, **values: Any) -> "Recipe":
        """The same recipe with some leaves changed."""
        return Recipe(**(self.values() | values))

    def identity(self) -> dict[str, Value]:
        """The leaves that make this experiment what it is."""
        values = self.values()
        return {
            field.name: values[field.name]
            for _, field in leaves()
            if field.metadata["identity"]
        }

    def sha256(self) -> str:
        """Fingerprint of the identity."""
        return hashlib.sha256(repr(self.identity()).encode()).hexdigest()

    def validate(self) -> "Recipe":
        """Refuses knobs that contradict each other; returns itself."""
        knobs(self.model.model)  # refuses a mistyped model
        for rule, names in broken_rules(self):
            values = self.values()
            got = ", ".join(f"{name}={values[name]}" for name in names)
            raise InputError(f"{rule}. Received: {got}")
        return self

    def warmup_epochs(self) -> float:
        """The warm-up that -1 stands for, or the one given."""
        if self.schedule.warmup_epochs < 0:
            return min(5.0, self.schedule.epochs / 6)
        return self.schedule.warmup_epochs

    def peak_learning_rate(self) -> float:
        """The learning rate after scaling by the batch (Goyal et al. 2017)."""
        if self.optimizer.lr_scaling == "none":
            return self.optimizer.learning_rate
        return self.optimizer.learning_rate * self.data.batch_size / 256


MIXERS = ("mixup", "cutmix", "ricap")
MODEL_KNOBS = set().union(*KNOBS.values())


def broken_rules(recipe: Recipe) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(rule, leaves involved) of each contradiction."""
    data, augment, schedule = recipe.data, recipe.augment, recipe.schedule
    if data.sample_fraction == 0:
        yield "sample_fraction must be above 0", ("sample_fraction",)
    for name, (low, high) in (
        ("crop_area", data.crop_area),
        ("crop_aspect", data.crop_aspect),
        ("blur_sigma", augment.blur_sigma),
    ):
        if not 0 < low <= high:
            yield f"{name} must be 0 < smallest <= largest", (name,)
    if recipe.warmup_epochs() > schedule.epochs:
        yield (
            "the warm-up must not be longer than the run",
            ("warmup_epochs", "epochs"),
        )
    if -1 < schedule.warmup_epochs < 0:
        yield "warmup_epochs must be -1 or at least 0", ("warmup_epochs",)
    if augment.flip_mode == "alternate" and augment.flip not in (0, 0.5):
        yield (
            "flips that alternate are half of all: flip=0.5",
            ("flip_mode", "flip"),
        )
    if augment.flip_mode == "alternate" and (
        data.repeat_augment > 1 or data.sampler != "uniform"
    ):
        yield (
            "flips that alternate need every image once an epoch",
            ("flip_mode", "repeat_augment", "sampler"),
        )
    if recipe.model.freeze_bn and not recipe.model.init_weights:
        yield (
            "batch norm can only be frozen at weights that are given",
            ("freeze_bn", "init_weights"),
        )
    if augment.cutout == 1:
        yield "cutout must be 0 or at least 2", ("cutout",)
    mixing = mixers_on(augment)
    if mixing and not augment.mix_prob:
        yield "mix_prob must be above 0 to mix at all", ("mix_prob", *MIXERS)
    if data.repeat_augment > 1 and augment.mix_partner == "roll" and mixing:
        yield (
            "mix_partner=roll mixes an image with itself where a batch repeats "
            "it",
            ("mix_partner", "repeat_augment"),
        )
    if augment.mix_off_epochs and not mixing:
        yield (
            "mix_off_epochs needs a mixing trick to switch off",
            ("mix_off_epochs", *MIXERS),
        )
    if augment.mix_off_epochs >= schedule.epochs and mixing:
        yield (
            "mixing must be on for at least one epoch",
            ("mix_off_epochs", "epochs"),
        )
    if data.data_service and data.cache != "none":
        yield (
            "a tf.data service reads the files by itself, without a cache",
            ("data_service", "cache"),
        )
    if recipe.optimizer.nesterov and not recipe.optimizer.momentum:
        yield "nesterov needs momentum", ("nesterov", "momentum")
    if augment.normalize != "dataset":
        normalization(augment.normalize)
    if recipe.loss.class_weights not in ("", "balanced"):
        class_weights(recipe.loss.class_weights)
    if data.repeat_augment > data.batch_size:
        yield (
            "a batch must have room for the repetitions of an image",
            ("repeat_augment", "batch_size"),
        )


def idle_knobs(recipe: Recipe) -> list[str]:
    """A line for each knob that was turned and does nothing in this run."""
    data, values = recipe.data, recipe.values()
    augment = recipe.augment
    records = data.data.startswith("tfrecord:")
    mixers = mixers_on(augment)
    jitters = any(augment.color_jitter) or augment.hue
    crop, kept = f"train_crop={data.train_crop}", f"cache={data.cache}"
    cases = (
        *(
            (crop, crop != "train_crop=rrc", name)
            for name in ("crop_area", "crop_aspect", "decode_scale")
        ),
        (crop, crop != "train_crop=pad", "crop_padding"),
        (crop, crop != "train_crop=pad", "crop_fill"),
        (kept, kept != "cache=none", "decode_scale"),
        ("one draw of an image", data.repeat_augment == 1, "repeat_augment"),
        ("data=shapes", data.data == "shapes", "val_fraction"),
        *(
            ("other data than tfrecord:", not records, name)
            for name in ("image_key", "label_key")
        ),
        *(
            ("data=arrays", data.data.startswith("arrays:"), name)
            for name in ("cache", "on_bad_image", "exif", "max_pixels")
        ),
        *(
            (f"model={recipe.model.model}", True, name)
            for name in sorted(MODEL_KNOBS - knobs(recipe.model.model))
        ),
        ("flip=0", not augment.flip, "flip_mode"),
        ("blur=0", not augment.blur, "blur_sigma"),
        ("neither color_jitter nor hue", not jitters, "jitter_clip"),
        ("neither color_jitter nor hue", not jitters, "jitter_order"),
        (
            "jitter_clip=end",
            jitters and augment.jitter_clip == "end",
            "jitter_order",
        ),
        ("cutout=0", not augment.cutout, "cutout_holes"),
        ("erasing=0", not augment.erasing, "erasing_law"),
        ("erasing=0", not augment.erasing, "erasing_fill"),
        ("grid_mask=0", not augment.grid_mask, "grid_mask_ratio"),
        ("no mixing trick", not mixers, "mix_prob"),
        ("fewer than two mixing tricks", len(mixers) < 2, "mix_switch"),
        *(
            (f"mix_switch={augment.mix_switch:g}", len(mixers) > 1, name)
            for name in unreached(mixers, augment.mix_switch)
        ),
        ("neither mixup nor cutmix", not {*mixers} - {"ricap"}, "mix_partner"),
        ("no mixing trick", not mixers, "mix_per"),
        (
            "ricap alone, always on",
            mixers == ["ricap"] and augment.mix_prob == 1,
            "mix_per",
        ),
    )
    return [
        f"{name}={values[name]} has no effect with {reason}"
        for reason, holds, name in cases
        if holds and values[name] != FIELD_OF[name].default
    ]


def mixers_on(augment: Augment) -> list[str]:
    """The mixing tricks that are on, in order."""
    return [name for name in MIXERS if getattr(augment, name)]


def unreached(mixers: list[str], switch: float) -> list[str]:
    """The mixing tricks that a switch of 0 or 1 leaves none of the batches."""
    if switch == 0:
        return mixers[1:]
    return mixers[:1] if switch == 1 else []


# Of the ImageNet training set, on 0..255; torchvision's and GluonCV's.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


def normalization(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) on 0..255 that --normalize stands for.

    `none` maps 0..255 to 0..1, which networks without batch norm also bear.
    """
    if text == "imagenet":
        return IMAGENET_MEAN, IMAGENET_STD
    if text == "none":
        return (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
    try:
        mean, std = (
            tuple(float(number) for number in half.split(","))
            for half in text.split("/")
        )
        finite = all(map(math.isfinite, mean + std))
        good = len(mean) == len(std) == 3 and finite and min(std) > 0
    except ValueError:
        good = False
    if good:
        refuse_unit_range(mean, std, text)
        return mean, std
    raise InputError(
        "normalize must be imagenet, dataset, none or three means and three "
        f"positive deviations as r,g,b/r,g,b. Received: normalize={text}"
    )


def refuse_unit_range(
    mean: tuple[float, ...], std: tuple[float, ...], text: str
) -> None:
    """Numbers on 0..1, as torchvision and timm have them."""
    if 0 < max(mean) <= 1 and max(std) <= 1:
        raise InputError(
            "normalize has means and deviations on 0..255, those on 0..1 times "
            f"255. Received: normalize={text}"
        )


def class_weights(text: str) -> tuple[float, ...]:
    """The numbers that a list of --class_weights holds."""
    try:
        weights = tuple(float(number) for number in text.split(","))
        if all(0 <= weight < math.inf for weight in weights) and any(weights):
            return weights
    except ValueError:
        pass
    raise InputError(
        "class_weights must be balanced or a number of at least 0 for each "
        f"class as w0,w1,... Received: class_weights={text}"
    )


def unknown_name(name: str) -> str:
    """The message for a leaf that does not exist, with the nearest one."""
    near = nearest(name, list(SECTION_OF))
    hint = f" Did you mean {near}?" if near else ""
    return f"no such knob. Received: {name}.{hint}"


# What timm and torchvision call them.
ELSEWHERE = {
    "aa": "policy",
    "auto_augment": "policy",
    "b": "batch_size",
    "cutmix_alpha": "cutmix",
    "hflip": "flip",
    "img_size": "image_size",
    "lr": "learning_rate",
    "mixup_alpha": "mixup",
    "mixup_mode": "mix_per",
    "mixup_off_epoch": "mix_off_epochs",
    "mixup_prob": "mix_prob",
    "mixup_switch_prob": "mix_switch",
    "random_erase": "erasing",
    "ra_reps": "repeat_augment",
    "remode": "erasing_fill",
    "reprob": "erasing",
    "smoothing": "label_smoothing",
    "wd": "weight_decay",
}


def nearest(name: str, names: list[str]) -> str:
    """The name that was meant, or none."""
    name = name.replace("-", "_")
    if ELSEWHERE.get(name) in names:
        return ELSEWHERE[name]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return near[0] if near else ""


def checked(field: dataclasses.Field, value: Any) -> Value:
    """The value as the leaf's own type; refuses type, choice or range."""
    about: Mapping[str, Any] = field.metadata
    got = f"Received: {field.name}={value}"
    value = as_type_of(field, value)
    if about["choices"] and value not in about["choices"]:
        raise InputError(
            f"{field.name} must be one of {', '.join(about['choices'])}. {got}"
        )
    if isinstance(value, str):
        return value
    for number in value if isinstance(value, tuple) else (value,):
        inside = about["low"] <= number <= about["high"]
        if not (inside and math.isfinite(number)):
            raise InputError(
                f"{field.name} must be in [{about['low']:g}, "
                f"{about['high']:g}]. {got}"
            )
    return value


def as_type_of(field: dataclasses.Field, value: Any) -> Any:
    """Whole numbers serve as floats and lists as tuples, nothing else."""
    default: Any = field.default
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    if kind is tuple and field.metadata["spread"]:
        single = [value] if type(value) in (int, float) else value
        if isinstance(single, list | tuple) and len(single) == 1:
            value = [*single] * len(default)
    if kind is tuple and isinstance(value, list | tuple):
        if len(value) == len(default) and all(
            type(number) in (int, float) for number in value
        ):
            return tuple(float(number) for number in value)
    elif type(value) is kind:
        return value
    name = f"{len(default)} numbers" if kind is tuple else kind.__name__
    if field.metadata["spread"]:
        name += ", or one for all"
    raise InputError(
        f"{field.name} must be {name}. Received: {field.name}={value!r}"
    )
