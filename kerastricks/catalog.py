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
        name="Flips: random, alternating, vertical",
        paper="2404.00498",
        flags=("flip", "flip_mode", "vflip"),
        module="kerastricks.augment.flip",
        cost="one pass over bytes",
        checked_against="indices in NumPy, torchvision",
    ),
    Trick(
        name="Random translation",
        paper="2404.00498",
        flags=("translate",),
        module="kerastricks.augment.translate",
        cost="one pass over bytes",
        checked_against="padding and cropping in NumPy",
    ),
    Trick(
        name="Gaussian blur",
        paper="2002.05709",
        flags=("blur", "blur_sigma"),
        module="kerastricks.augment.blur",
        cost="a tenth of the side in multiply-adds, twice",
        checked_against="torchvision's pixels",
    ),
    Trick(
        name="Colour jitter in one matrix",
        paper="1312.5402",
        flags=("color_jitter", "hue", "jitter_clip", "jitter_order"),
        module="kerastricks.augment.color_jitter",
        cost="one pass, shared with all colour tricks",
        checked_against="torchvision's pixels, MXNet's hue",
    ),
    Trick(
        name="Random grayscale",
        paper="2002.05709",
        flags=("grayscale",),
        module="kerastricks.augment.grayscale",
        cost="none beside other colour tricks",
        checked_against="torchvision's pixels",
    ),
    Trick(
        name="PCA noise",
        paper="1812.01187",
        flags=("pca_noise",),
        module="kerastricks.augment.pca_noise",
        cost="none beside other colour tricks",
        checked_against="formula with GluonCV's constants",
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
        name="Cutout",
        paper="1708.04552",
        flags=("cutout", "cutout_holes"),
        module="kerastricks.augment.cutout",
        cost="one pass",
        checked_against="the paper's code's law in NumPy",
    ),
    Trick(
        name="Random erasing",
        paper="1708.04896",
        flags=("erasing", "erasing_law", "erasing_fill"),
        module="kerastricks.augment.random_erasing",
        cost="one pass; several with noise",
        checked_against="a sample of torchvision's boxes, the paper's law",
    ),
    Trick(
        name="GridMask",
        paper="2001.04086",
        flags=("grid_mask", "grid_mask_ratio"),
        module="kerastricks.augment.grid_mask",
        cost="one pass",
        checked_against="squares painted in NumPy",
    ),
    Trick(
        name="Hide-and-Seek",
        paper="1811.02545",
        flags=("hide_and_seek",),
        module="kerastricks.augment.hide_and_seek",
        cost="one pass",
        checked_against="cells in NumPy",
    ),
    Trick(
        name="Mixup",
        paper="1710.09412",
        flags=("mixup",),
        module="kerastricks.augment.mixup",
        cost="one pass; wants more epochs",
        checked_against="formula in NumPy, the weights' law",
    ),
    Trick(
        name="CutMix",
        paper="1905.04899",
        flags=("cutmix",),
        module="kerastricks.augment.cutmix",
        cost="one pass; wants more epochs",
        checked_against="the paper's code's law, pixels in NumPy",
    ),
    Trick(
        name="RICAP",
        paper="1811.09030",
        flags=("ricap",),
        module="kerastricks.augment.ricap",
        cost="one gather of pixels; wants more epochs",
        checked_against="the paper's algorithm in NumPy",
    ),
    Trick(
        name="A choice of mixing tricks",
        paper="",
        flags=("mix_prob", "mix_switch"),
        module="kerastricks.augment.mix_switch",
        cost="that of the chosen trick",
        checked_against="shares by counting",
    ),
    Trick(
        name="Mixing by batch or by sample",
        paper="",
        flags=("mix_per", "mix_partner"),
        module="kerastricks.augment.partner",
        cost="none",
        checked_against="orders by hand, fast.ai's weights",
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
        name="Accuracy on clean training images",
        paper="",
        flags=("clean_images",),
        module="kerastricks.training.history",
        cost="512 images more to evaluate in an epoch",
        checked_against="an evaluation by hand",
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
