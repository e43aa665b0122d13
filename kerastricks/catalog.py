"""Every trick there is: where it lives, what it costs, how it was checked.

The tables of README are made from this (`python tools/readme_table.py`), and
the tests go through it, so that a trick cannot be forgotten.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Trick:
    """One row of the catalogue.

    Args:
        name: as people call it.
        paper: arXiv number of the source, or an empty text.
        flags: leaves of the recipe that switch or shape it; none if it is
            always on.
        module: where its code and its card (the docstring) are.
        cost: in a step or a run, beside doing without it.
        checked_against: what the tests compare its numbers with.
    """

    name: str
    paper: str
    flags: tuple[str, ...]
    module: str
    cost: str
    checked_against: str


# In the order in which they act on a batch.
TRICKS: tuple[Trick, ...] = (
    Trick(
        name="Random resized crop, torch's law",
        paper="1409.4842",
        flags=("crop_area", "crop_aspect"),
        module="kerastricks.data.crop",
        cost="less decoding: of a JPEG only the crop's part",
        checked_against="a sample of torchvision's boxes",
    ),
    Trick(
        name="Padded, resized or centre crop",
        paper="1512.03385",
        flags=("train_crop", "crop_padding", "crop_fill", "eval_crop"),
        module="kerastricks.data.squares",
        cost="all of the image is decoded",
        checked_against="positions and pixels in NumPy, torchvision's centre",
    ),
    Trick(
        name="Accurate decode, upright by EXIF",
        paper="",
        flags=("exif", "max_pixels"),
        module="kerastricks.data.decode",
        cost="0.05 ms of host work an image",
        checked_against="Pillow's pixels",
    ),
    Trick(
        name="Decoding at a scale",
        paper="",
        flags=("decode_scale",),
        module="kerastricks.data.decode",
        cost="an eighth less host work on photos of 3 megapixels",
        checked_against="the square at full scale, to a grey level",
    ),
    Trick(
        name="Antialiased resize",
        paper="",
        flags=("interpolation",),
        module="kerastricks.data.resize",
        cost="1 ms of host work an image of 224 pixels",
        checked_against="Pillow's pixels",
    ),
    Trick(
        name="Repeated augmentation",
        paper="1901.09335",
        flags=("repeat_augment",),
        module="kerastricks.data.order",
        cost="none; fewer images in an epoch of as many steps",
        checked_against="positions by hand",
    ),
    Trick(
        name="Class-balanced sampling",
        paper="",
        flags=("sampler",),
        module="kerastricks.data.order",
        cost="none; rare images are seen more often",
        checked_against="counts, chi-squared",
    ),
    Trick(
        name="AutoAugment",
        paper="1805.09501",
        flags=("policy",),
        module="kerastricks.data.policies.autoaugment",
        cost="host work like RandAugment's",
        checked_against="torchvision's tables, magnitudes and pixels",
    ),
    Trick(
        name="RandAugment",
        paper="1909.13719",
        flags=("policy",),
        module="kerastricks.data.policies.randaugment",
        cost="0.7 ms of host work an image of 224 pixels",
        checked_against="torchvision's magnitudes and pixels, op by op",
    ),
    Trick(
        name="TrivialAugment",
        paper="2103.10158",
        flags=("policy",),
        module="kerastricks.data.policies.trivialaugment",
        cost="half of RandAugment's host work",
        checked_against="torchvision's magnitudes and pixels",
    ),
    Trick(
        name="AugMix",
        paper="1912.02781",
        flags=("policy",),
        module="kerastricks.data.policies.augmix",
        cost="three times RandAugment's host work",
        checked_against="formula, torchvision's magnitudes",
    ),
    Trick(
        name="3-Augment",
        paper="2204.07118",
        flags=("policy",),
        module="kerastricks.data.policies.three_augment",
        cost="less host work than RandAugment's",
        checked_against="Pillow's pixels",
    ),
    Trick(
        name="Augmentation layers of keras-cv",
        paper="",
        flags=("policy",),
        module="kerastricks.data.policies.keras_cv",
        cost="more host work than our own policies",
        checked_against="repeats by its key",
    ),
    Trick(
        name="Random flip",
        paper="",
        flags=("flip",),
        module="kerastricks.augment.flip",
        cost="one pass over bytes",
        checked_against="indices in NumPy",
    ),
    Trick(
        name="Normalisation in the step",
        paper="",
        flags=("normalize",),
        module="kerastricks.augment.normalize",
        cost="one pass; a quarter of the bytes to the device",
        checked_against="formula in NumPy",
    ),
    Trick(
        name="Mixup",
        paper="1710.09412",
        flags=("mixup",),
        module="kerastricks.augment.mixup",
        cost="one pass; wants more epochs",
        checked_against="formula in NumPy",
    ),
    Trick(
        name="Last epochs without mixing",
        paper="",
        flags=("mix_off_epochs",),
        module="kerastricks.training.phases",
        cost="the step is traced once more",
        checked_against="steps of each phase by hand",
    ),
    Trick(
        name="ResNet-D",
        paper="1812.01187",
        flags=("model", "width"),
        module="kerastricks.models.resnet",
        cost="R50: 4.3 G multiply-adds, not 3.8 (paper)",
        checked_against="timm's parameter counts, torch's convolution in NumPy",
    ),
    Trick(
        name="Stem for small images",
        paper="1512.03385",
        flags=("stem",),
        module="kerastricks.models.resnet",
        cost="16 times the positions in every stage",
        checked_against="layers and sizes by hand",
    ),
    Trick(
        name="Zero gamma",
        paper="1706.02677",
        flags=("zero_gamma",),
        module="kerastricks.models.resnet",
        cost="none",
        checked_against="the variables' values",
    ),
    Trick(
        name="Glorot or He initialisation",
        paper="1502.01852",
        flags=("init",),
        module="kerastricks.models.resnet",
        cost="none",
        checked_against="spread by formula, torch's for He",
    ),
    Trick(
        name="Fused batch norm",
        paper="1502.03167",
        flags=(),
        module="kerastricks.layers.batch_norm",
        cost="less than Keras's layer on TensorFlow",
        checked_against="formula, Keras's layer",
    ),
    Trick(
        name="Mixed precision",
        paper="1710.03740",
        flags=("precision",),
        module="kerastricks.hardware",
        cost="less, where the hardware has it",
        checked_against="the float32 network's weights and logits",
    ),
    Trick(
        name="Label smoothing",
        paper="1512.00567",
        flags=("label_smoothing",),
        module="kerastricks.losses.soft_cross_entropy",
        cost="none",
        checked_against="formula, Keras's CategoricalCrossentropy",
    ),
    Trick(
        name="Class weights",
        paper="",
        flags=("class_weights",),
        module="kerastricks.losses.soft_cross_entropy",
        cost="none; rare classes gain, frequent ones lose",
        checked_against="torch's formula in NumPy",
    ),
    Trick(
        name="Binary cross entropy, for several labels",
        paper="2110.00476",
        flags=(),
        module="kerastricks.losses.binary_cross_entropy",
        cost="none",
        checked_against="formula, Keras's BinaryCrossentropy",
    ),
    Trick(
        name="SGD of torch, MXNet or decoupled",
        paper="",
        flags=("sgd_semantics", "momentum", "nesterov", "weight_decay"),
        module="kerastricks.optimizers.sgd",
        cost="none",
        checked_against="torch's trajectories, Keras's SGD, formulas",
    ),
    Trick(
        name="No decay of biases and batch norm",
        paper="1807.11205",
        flags=("no_bias_decay",),
        module="kerastricks.optimizers.decay_mask",
        cost="none",
        checked_against="which variables decay",
    ),
    Trick(
        name="Linear scaling of the learning rate",
        paper="1706.02677",
        flags=("learning_rate", "lr_scaling"),
        module="kerastricks.config",
        cost="none",
        checked_against="values by hand",
    ),
    Trick(
        name="Warm-up",
        paper="1706.02677",
        flags=("warmup_epochs",),
        module="kerastricks.schedules.warmup",
        cost="none",
        checked_against="values by hand",
    ),
    Trick(
        name="Cosine decay",
        paper="1608.03983",
        flags=("epochs",),
        module="kerastricks.schedules.cosine",
        cost="none",
        checked_against="values by hand",
    ),
)
