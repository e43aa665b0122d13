"""Every trick there is: where it lives, what it costs, how it was checked.

README's table and docs/tricks are made from this (`python
tools/trick_pages.py`), and the tests go through it, so that a trick cannot be
forgotten.
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
        example: flags of a training that has it, or a command with its flags.
        command: what does it, if no flag of a training does.
        objects: its names in Python, below `kerastricks`.
        headline: whether README's table has it; docs/tricks has them all.
        about: what its page says, where the module is not about it alone.
    """

    name: str
    paper: str
    flags: tuple[str, ...]
    module: str
    cost: str
    checked_against: str
    example: str
    command: str = ""
    objects: tuple[str, ...] = ()
    headline: bool = False
    about: str = ""


# In the order in which they act on a batch.
TRICKS: tuple[Trick, ...] = (
    Trick(
        name="Random resized crop, torch's law",
        paper="1409.4842",
        flags=("crop_area", "crop_aspect"),
        module="kerastricks.data.crop",
        cost="less decoding: of a JPEG only the crop's part",
        checked_against="a sample of torchvision's boxes",
        example="--crop_area=0.35,1",
        objects=("data.random_resized_crop_box",),
    ),
    Trick(
        name="Padded, resized or centre crop",
        paper="1512.03385",
        flags=("train_crop", "crop_padding", "crop_fill", "eval_crop"),
        module="kerastricks.data.squares",
        cost="all of the image is decoded",
        checked_against="positions and pixels in NumPy, torchvision's centre",
        example="--train_crop=pad --crop_padding=4 --image_size=32",
        about=(
            "What training cuts out of an image besides `rrc`. `pad`: the "
            "short side to the size, so many pixels around, a square at "
            "random, as CIFAR's recipes do. `resize`: the short side to size "
            "/ eval_crop, a square at random. `center`: evaluation's square. "
            "Hurts: `pad` and `center` show an object at one size only, which "
            "is right for CIFAR and for runs of few epochs; photos want "
            "`rrc`."
        ),
    ),
    Trick(
        name="Accurate decode, upright by EXIF",
        paper="",
        flags=("exif", "max_pixels"),
        module="kerastricks.data.decode",
        cost="0.05 ms of host work an image",
        checked_against="Pillow's pixels",
        example="--max_pixels=50000000",
        about=(
            "JPEGs are decoded with the accurate integer DCT and turned as "
            "their EXIF says, by the same function in training, evaluation "
            "and the SavedModel. Pixels are Pillow's. Hurts: nothing; "
            "`--noexif` is for datasets that were trained and labelled as the "
            "pixels lie."
        ),
    ),
    Trick(
        name="Decoding at a scale",
        paper="",
        flags=("decode_scale",),
        module="kerastricks.data.decode",
        cost="an eighth less host work on photos of 3 megapixels",
        checked_against="the square at full scale, to a grey level",
        example="--decode_scale",
        about=(
            "libjpeg decodes at a half, a quarter or an eighth where a "
            "training crop stays twice as large as the square it becomes. "
            "Acts on: large JPEGs in training. Hurts: nothing, to a grey "
            "level. Numbers: "
            "[decoding.md](../decoding.md#large-photos---decode_scale)."
        ),
    ),
    Trick(
        name="Antialiased resize",
        paper="",
        flags=("interpolation",),
        module="kerastricks.data.resize",
        cost="1 ms of host work an image of 224 pixels",
        checked_against="Pillow's pixels",
        example="--interpolation=bicubic",
        about=(
            "Pillow's two filters, bilinear and bicubic, whose support grows "
            "with the factor. Acts on: every image, in training, evaluation "
            "and serving alike. Hurts: nothing but time. Keras's `Resizing` "
            "is not antialiased unless told. Numbers: "
            "[decoding.md](../decoding.md#resizing)."
        ),
    ),
    Trick(
        name="Repeated augmentation",
        paper="1901.09335",
        flags=("repeat_augment",),
        module="kerastricks.data.order",
        cost="none; fewer images in an epoch of as many steps",
        checked_against="positions by hand",
        example="--repeat_augment=3",
    ),
    Trick(
        name="Class-balanced sampling",
        paper="",
        flags=("sampler",),
        module="kerastricks.data.order",
        cost="none; rare images are seen more often",
        checked_against="counts, chi-squared",
        example="--sampler=balanced",
    ),
    Trick(
        name="AutoAugment",
        paper="1805.09501",
        flags=("policy",),
        module="kerastricks.data.policies.autoaugment",
        cost="host work like RandAugment's",
        checked_against="torchvision's tables, magnitudes and pixels",
        example="--policy=autoaugment-imagenet",
    ),
    Trick(
        name="RandAugment",
        paper="1909.13719",
        flags=("policy",),
        module="kerastricks.data.policies.randaugment",
        cost="0.7 ms of host work an image of 224 pixels",
        checked_against="torchvision's magnitudes and pixels, op by op",
        example="--policy=randaugment-n2-m9",
    ),
    Trick(
        name="TrivialAugment",
        paper="2103.10158",
        flags=("policy",),
        module="kerastricks.data.policies.trivialaugment",
        cost="half of RandAugment's host work",
        checked_against="torchvision's magnitudes and pixels",
        example="--policy=trivialaugment",
        headline=True,
    ),
    Trick(
        name="AugMix",
        paper="1912.02781",
        flags=("policy",),
        module="kerastricks.data.policies.augmix",
        cost="three times RandAugment's host work",
        checked_against="formula, torchvision's magnitudes",
        example="--policy=augmix",
    ),
    Trick(
        name="3-Augment",
        paper="2204.07118",
        flags=("policy",),
        module="kerastricks.data.policies.three_augment",
        cost="less host work than RandAugment's",
        checked_against="Pillow's pixels",
        example="--policy=3augment",
    ),
    Trick(
        name="Augmentation layers of keras-cv",
        paper="",
        flags=("policy",),
        module="kerastricks.data.policies.keras_cv",
        cost="more host work than our own policies",
        checked_against="repeats by its key",
        example="--policy=keras_cv:GridMask",
    ),
    Trick(
        name="Flips: random, alternating, vertical",
        paper="2404.00498",
        flags=("flip", "flip_mode", "vflip"),
        module="kerastricks.augment.flip",
        cost="one pass over bytes",
        checked_against="indices in NumPy, torchvision",
        example="--flip_mode=alternate",
        objects=("augment.RandomFlip", "augment.flip_batch"),
    ),
    Trick(
        name="Random translation",
        paper="2404.00498",
        flags=("translate",),
        module="kerastricks.augment.translate",
        cost="one pass over bytes",
        checked_against="padding and cropping in NumPy",
        example="--translate=2 --train_crop=center",
        objects=("augment.RandomTranslate", "augment.translate_batch"),
    ),
    Trick(
        name="Gaussian blur",
        paper="2002.05709",
        flags=("blur", "blur_sigma"),
        module="kerastricks.augment.blur",
        cost="a tenth of the side in multiply-adds, twice",
        checked_against="torchvision's pixels",
        example="--blur=0.5",
        objects=("augment.GaussianBlur", "augment.blur_batch"),
    ),
    Trick(
        name="Colour jitter in one matrix",
        paper="1312.5402",
        flags=("color_jitter", "hue", "jitter_clip", "jitter_order"),
        module="kerastricks.augment.color_jitter",
        cost="one pass, shared with all colour tricks",
        checked_against="torchvision's pixels, MXNet's hue",
        example="--color_jitter=0.4",
        objects=(
            "augment.ColorJitter",
            "augment.color_matrix",
            "augment.apply_color",
        ),
    ),
    Trick(
        name="Random grayscale",
        paper="2002.05709",
        flags=("grayscale",),
        module="kerastricks.augment.grayscale",
        cost="none beside other colour tricks",
        checked_against="torchvision's pixels",
        example="--grayscale=0.2",
        objects=("augment.RandomGrayscale",),
    ),
    Trick(
        name="PCA noise",
        paper="1812.01187",
        flags=("pca_noise",),
        module="kerastricks.augment.pca_noise",
        cost="none beside other colour tricks",
        checked_against="formula with GluonCV's constants",
        example="--pca_noise=0.1",
        objects=("augment.PcaNoise",),
    ),
    Trick(
        name="Normalisation in the step",
        paper="",
        flags=("normalize",),
        module="kerastricks.augment.normalize",
        cost="one pass; a quarter of the bytes to the device",
        checked_against="formula in NumPy",
        example="--normalize=dataset",
        objects=("augment.Normalize", "augment.normalize_batch"),
    ),
    Trick(
        name="Cutout",
        paper="1708.04552",
        flags=("cutout", "cutout_holes"),
        module="kerastricks.augment.cutout",
        cost="one pass",
        checked_against="the paper's code's law in NumPy",
        example="--cutout=16 --image_size=32",
        objects=("augment.Cutout", "augment.cutout_batch"),
    ),
    Trick(
        name="Random erasing",
        paper="1708.04896",
        flags=("erasing", "erasing_law", "erasing_fill"),
        module="kerastricks.augment.random_erasing",
        cost="one pass; several with noise",
        checked_against="a sample of torchvision's boxes, the paper's law",
        example="--erasing=0.25",
        objects=("augment.RandomErasing", "augment.erase_batch"),
        headline=True,
    ),
    Trick(
        name="GridMask",
        paper="2001.04086",
        flags=("grid_mask", "grid_mask_ratio"),
        module="kerastricks.augment.grid_mask",
        cost="one pass",
        checked_against="squares painted in NumPy",
        example="--grid_mask=0.5",
        objects=("augment.GridMask",),
    ),
    Trick(
        name="Hide-and-Seek",
        paper="1811.02545",
        flags=("hide_and_seek",),
        module="kerastricks.augment.hide_and_seek",
        cost="one pass",
        checked_against="cells in NumPy",
        example="--hide_and_seek=0.5",
        objects=("augment.HideAndSeek",),
    ),
    Trick(
        name="Mixup",
        paper="1710.09412",
        flags=("mixup",),
        module="kerastricks.augment.mixup",
        cost="one pass; wants more epochs",
        checked_against="formula in NumPy, the weights' law",
        example="--mixup=0.2",
        objects=("augment.MixUp", "augment.mixup_batch"),
        headline=True,
    ),
    Trick(
        name="CutMix",
        paper="1905.04899",
        flags=("cutmix",),
        module="kerastricks.augment.cutmix",
        cost="one pass; wants more epochs",
        checked_against="the paper's code's law, pixels in NumPy",
        example="--cutmix=1",
        objects=("augment.CutMix", "augment.cutmix_batch"),
        headline=True,
    ),
    Trick(
        name="RICAP",
        paper="1811.09030",
        flags=("ricap",),
        module="kerastricks.augment.ricap",
        cost="one gather of pixels; wants more epochs",
        checked_against="the paper's algorithm in NumPy",
        example="--ricap=0.3",
        objects=("augment.Ricap", "augment.ricap_batch"),
    ),
    Trick(
        name="A choice of mixing tricks",
        paper="",
        flags=("mix_prob", "mix_switch"),
        module="kerastricks.augment.mix_switch",
        cost="that of the chosen trick",
        checked_against="shares by counting",
        example="--mixup=0.2 --cutmix=1 --mix_switch=0.5",
        objects=("augment.MixSwitch",),
    ),
    Trick(
        name="Mixing by batch or by sample",
        paper="",
        flags=("mix_per", "mix_partner"),
        module="kerastricks.augment.partner",
        cost="none",
        checked_against="orders by hand, fast.ai's weights",
        example="--mixup=0.2 --mix_per=sample",
        about=(
            "Whom mixup and CutMix mix a sample with, and whether a weight or "
            "a box is drawn once for the `batch` (the papers) or for each "
            "`sample` (fast.ai, Keras). The partner comes from a permutation "
            "of the batch (the papers), is the sample before (`roll`, "
            "torchvision) or stands at the batch's other end (`reverse`, "
            "GluonCV and timm). Hurts: `roll` and `reverse` want batches in a "
            "random order, which they have here."
        ),
    ),
    Trick(
        name="Last epochs without mixing",
        paper="",
        flags=("mix_off_epochs",),
        module="kerastricks.training.phases",
        cost="the step is traced once more",
        checked_against="steps of each phase by hand",
        example="--mixup=0.2 --mix_off_epochs=5",
        objects=("training.Phase", "training.run_phases"),
        about=(
            "Mixup, CutMix and RICAP are left out of the last epochs, so that "
            "a run ends on images as they will come; GluonCV's CIFAR recipes "
            "do so for 20 of 220. A phase of the run: optimizer, averages and "
            "schedule go on. Hurts: not known to."
        ),
    ),
    Trick(
        name="Accuracy on clean training images",
        paper="",
        flags=("clean_images",),
        module="kerastricks.training.history",
        cost="512 images more to evaluate in an epoch",
        checked_against="an evaluation by hand",
        example="--clean_images=1000",
        about=(
            "Each epoch also evaluates the same training images without "
            "augmentation (`clean_top1`). Under mixing the training accuracy "
            "says little; the gap between this one and validation's is what "
            "was learnt by heart. Hurts: nothing but the time."
        ),
    ),
    Trick(
        name="ResNet v1, B, C, D; ResNeXt; Wide ResNet",
        paper="1812.01187",
        flags=("model", "width"),
        module="kerastricks.models.resnet",
        cost="R50-D: 4.3 G multiply-adds; v1: 3.9 G",
        checked_against="timm's and torchvision's logits and parameters",
        example="--model=resnet50_d",
        objects=("models.create",),
        headline=True,
    ),
    Trick(
        name="Stem for small images",
        paper="1512.03385",
        flags=("stem",),
        module="kerastricks.models.resnet",
        cost="16 times the positions in every stage",
        checked_against="layers and sizes by hand",
        example="--stem=small",
        objects=("models.create",),
        about=(
            "One 3x3 convolution at full size, without a max pool, instead of "
            "a 7x7 of stride 2 and a pool: as for CIFAR (arXiv 1512.03385, "
            "section 4.2). `auto` takes it up to 48 pixels. Hurts: published "
            "weights have the large stem; the work of every stage is "
            "sixteenfold."
        ),
    ),
    Trick(
        name="CIFAR ResNet, pre-activated Wide ResNet",
        paper="1605.07146",
        flags=("model",),
        module="kerastricks.models.cifar",
        cost="ResNet-20: 41 M multiply-adds at 32 px; WRN-28-10: 5.2 G",
        checked_against="the papers' parameters, blocks in NumPy",
        example="--model=resnet20 --image_size=32",
        objects=("models.create",),
    ),
    Trick(
        name="Whitened patches, identity start (airbench)",
        paper="2404.00498",
        flags=("model",),
        module="kerastricks.models.cifar_fast",
        cost="118 M multiply-adds at 32 px; once, 5,000 images",
        checked_against="the covariance of its outputs",
        example="--model=cifar_fast --image_size=32",
        objects=("models.create",),
    ),
    Trick(
        name="Squeeze-and-excitation",
        paper="1709.01507",
        flags=("model",),
        module="kerastricks.layers.squeeze_excite",
        cost="R50: 10% more parameters",
        checked_against="timm's logits, formula",
        example="--model=se_resnet50_d",
        objects=("layers.SqueezeExcite",),
    ),
    Trick(
        name="Blur pool",
        paper="1904.11486",
        flags=("blur_pool",),
        module="kerastricks.layers.blur_pool",
        cost="R50: 1.25x the multiply-adds",
        checked_against="timm's resnetblur50's logits, NumPy",
        example="--blur_pool",
        objects=("layers.BlurPool",),
        headline=True,
    ),
    Trick(
        name="Stochastic depth",
        paper="1603.09382",
        flags=("drop_path",),
        module="kerastricks.layers.drop_path",
        cost="none",
        checked_against="shares, timm's rates by depth",
        example="--model=resnet50_d --drop_path=0.05",
        objects=("layers.DropPath",),
    ),
    Trick(
        name="Activation; batch norm after it; dropout",
        paper="",
        flags=("activation", "bn_after_activation", "dropout"),
        module="kerastricks.models.parts",
        cost="GELU and SiLU: more than ReLU",
        checked_against="formulas, order of the layers",
        example="--activation=silu --dropout=0.2",
        objects=("models.create",),
        about=(
            "ReLU, leaky ReLU (slope .01), exact GELU or SiLU throughout; "
            "batch norm behind the activation instead of before it; dropout "
            "of the head's inputs, in Wide ResNets within the blocks (arXiv "
            "1605.07146). Hurts: published weights fit the activation they "
            "were trained with; dropout short runs."
        ),
    ),
    Trick(
        name="Maximum beside the mean",
        paper="",
        flags=("pool",),
        module="kerastricks.layers.concat_pooling",
        cost="twice the head's inputs",
        checked_against="NumPy, fast.ai's order",
        example="--pool=concat",
        objects=("layers.ConcatPooling",),
    ),
    Trick(
        name="Spectral normalisation",
        paper="1802.05957",
        flags=("spectral_norm",),
        module="kerastricks.layers.spectral_conv",
        cost="two small products a convolution",
        checked_against="singular values of NumPy",
        example="--spectral_norm",
        objects=("layers.SpectralConv2D",),
    ),
    Trick(
        name="Zero gamma",
        paper="1706.02677",
        flags=("zero_gamma",),
        module="kerastricks.models.resnet",
        cost="none",
        checked_against="the variables' values",
        example="--zero_gamma",
        objects=("models.create",),
        headline=True,
        about=(
            "The last batch norm of each residual branch starts with a gamma "
            "of 0, so that a block starts as its shortcut and the network as "
            "a shallow one. Papers: arXiv 1706.02677; arXiv 1812.01187, "
            "section 3.1. Basic blocks too, which GluonCV passes over. Hurts: "
            "very short runs, whose branches wake up late "
            "([measured](../results.md#zero-gamma-in-a-very-short-run))."
        ),
    ),
    Trick(
        name="Glorot or He initialisation",
        paper="1502.01852",
        flags=("init",),
        module="kerastricks.models.resnet",
        cost="none",
        checked_against="spread by formula, torch's for He",
        example="--init=he_normal",
        objects=("models.create",),
        about=(
            "Convolutions uniform by Glorot, as the bag of tricks has it, or "
            "normal by He over the fan out, as torch's ResNets. Hurts: "
            "neither is known to with batch norm."
        ),
    ),
    Trick(
        name="Published weights, timm's and torchvision's",
        paper="",
        flags=("init_weights",),
        module="kerastricks.models.weights.torch_weights",
        cost="none",
        checked_against="logits of 16 networks of timm and torchvision",
        example="--model=resnet50_d --init_weights=resnet50d.safetensors",
        objects=("models.init_from",),
    ),
    Trick(
        name="Frozen batch norm",
        paper="",
        flags=("freeze_bn",),
        module="kerastricks.models.fuse",
        cost="less: no statistics",
        checked_against="variables before and after a step",
        example="--model=resnet50_d "
        "--init_weights=resnet50d.safetensors --freeze_bn",
        objects=("models.freeze_batch_norms",),
        about=(
            "Batch norms stay as the weights bring them, statistics, gammas "
            "and betas: for batches too small to measure anything, or images "
            "very like the source's. Hurts: images unlike the source's, whose "
            "statistics are others."
        ),
    ),
    Trick(
        name="Fused batch norm",
        paper="1502.03167",
        flags=(),
        module="kerastricks.layers.batch_norm",
        cost="less than Keras's layer on TensorFlow",
        checked_against="formula, Keras's layer",
        example="--model=resnet50_d",
        objects=("layers.FusedBatchNorm", "models.fuse_batch_norms"),
    ),
    Trick(
        name="Batch norm folded into convolutions",
        paper="",
        flags=(),
        module="kerastricks.models.fold",
        cost="less: none in serving where one follows a convolution",
        checked_against="logits of ours and of Keras's networks",
        example="export --run_dir=runs/flowers",
        objects=("models.fold_batch_norms",),
    ),
    Trick(
        name="Mixed precision",
        paper="1710.03740",
        flags=("precision",),
        module="kerastricks.hardware",
        cost="less, where the hardware has it",
        checked_against="the float32 network's weights and logits",
        example="--precision=bfloat16",
        headline=True,
        about=(
            "Layers compute in bfloat16 or float16; weights, batch norm's "
            "statistics, logits and losses stay float32. float16 scales the "
            "loss: twice as much every 2,000 steps, half after an overflow, "
            "whose step is left out. Paper: arXiv 1710.03740. Hurts: hardware "
            "without units for it, where it is slower than float32."
        ),
    ),
    Trick(
        name="A batch on several devices",
        paper="1706.02677",
        flags=("devices",),
        module="kerastricks.training.distribute",
        cost="the gradients' sum, from device to device",
        checked_against="one device's losses, on two made of a CPU",
        example="--devices=4 --batch_size=512",
        objects=("training.distribute.across",),
    ),
    Trick(
        name="Batch norm over all devices",
        paper="",
        flags=("sync_bn",),
        module="kerastricks.layers.batch_norm",
        cost="two sums a layer, from device to device; several passes",
        checked_against="the whole batch on one device",
        example="--devices=4 --batch_size=64 --sync_bn",
        about=(
            "Batch norm's moments are those of the whole batch instead of each "
            "device's part, on TensorFlow; on JAX they always are. Acts on: "
            "the batch norms of this package's networks but `cifar_fast`, with "
            "`--devices`. Hurts: speed, and parts that are large enough gain "
            "nothing. Keras's layer has `synchronized`, and does the same. "
            "More: [optimization.md](../optimization.md#several-gpus)."
        ),
    ),
    Trick(
        name="Label smoothing, two laws",
        paper="1512.00567",
        flags=("label_smoothing", "smoothing_law"),
        module="kerastricks.losses.soft_cross_entropy",
        cost="none",
        checked_against="torch's values and gradients, Keras, formula",
        example="--label_smoothing=0.1",
        objects=("losses.SoftCrossEntropy", "losses.smooth_labels"),
        headline=True,
    ),
    Trick(
        name="Class weights",
        paper="",
        flags=("class_weights",),
        module="kerastricks.losses.labels",
        cost="none; rare classes gain, frequent ones lose",
        checked_against="torch's values and gradients",
        example="--class_weights=balanced",
        objects=("losses.SoftCrossEntropy",),
        about=(
            "The loss of an image counts by its class: `balanced`, in inverse "
            "proportion to how frequent the class is, 1 on average, or "
            "numbers of your own. The loss is the mean over the images, not "
            "over the weights. Hurts: frequent classes; few images with large "
            "weights are learnt by heart, and their noise with them."
        ),
    ),
    Trick(
        name="Binary cross entropy, also for one label",
        paper="2110.00476",
        flags=("loss", "bce_target_thresh", "bce_sum"),
        module="kerastricks.losses.binary_cross_entropy",
        cost="none",
        checked_against="timm's values and gradients, Keras",
        example="--loss=sigmoid --bce_target_thresh=0.2 --mixup=0.1",
        objects=("losses.BinaryCrossentropy",),
    ),
    Trick(
        name="Focal loss",
        paper="1708.02002",
        flags=("loss", "focal_gamma"),
        module="kerastricks.losses.focal",
        cost="none",
        checked_against="torchvision's values and gradients, Keras",
        example="--loss=focal --focal_gamma=2",
        objects=("losses.Focal",),
    ),
    Trick(
        name="Views alike (Jensen-Shannon divergence)",
        paper="1912.02781",
        flags=("jsd",),
        module="kerastricks.losses.jsd",
        cost="3 times the images through the network",
        checked_against="timm's values and gradients",
        example="--jsd=12 --policy=augmix",
        objects=("losses.JsdLoss",),
    ),
    Trick(
        name="Distillation from one or several teachers",
        paper="1503.02531",
        flags=(
            "teacher",
            "temperature",
            "hard_weight",
            "soft_weight",
            "distill_loss",
        ),
        module="kerastricks.training.distiller",
        cost="the teachers' forward pass",
        checked_against="torch's values and gradients, formula",
        example="--teacher=runs/teacher --temperature=20",
        objects=(
            "training.Distiller",
            "losses.DistillationLoss",
            "losses.distillation_loss",
        ),
        headline=True,
    ),
    Trick(
        name="Distillation of features",
        paper="1412.6550",
        flags=("distill_features",),
        module="kerastricks.losses.distillation",
        cost="a linear map more",
        checked_against="torch's values and gradients",
        example="--teacher=runs/teacher --distill_features=1",
        objects=(
            "training.Distiller",
            "losses.FeatureLoss",
            "losses.feature_loss",
        ),
    ),
    Trick(
        name="Teacher asked once an image",
        paper="",
        flags=("cache_teacher",),
        module="kerastricks.teaching",
        cost="none but at the start; images must not change",
        checked_against="what the teacher says itself",
        example="--teacher=runs/teacher --cache_teacher "
        "--train_crop=center --flip=0",
        about=(
            "What the teacher says of each image is reckoned once and kept, "
            "where images never change: `--train_crop=center`, no flips, "
            "nothing drawn. Hurts: such images are learnt by heart; a teacher "
            "that sees every augmented image is the better one (arXiv "
            "2106.05237)."
        ),
    ),
    Trick(
        name="SGD of torch, MXNet or decoupled",
        paper="",
        flags=("opt", "sgd_semantics", "momentum", "nesterov"),
        module="kerastricks.optimizers.sgd",
        cost="none; one op on TensorFlow",
        checked_against="torch's trajectories, Keras's SGD, formulas",
        example="--opt=sgd --sgd_semantics=mxnet",
        objects=("optimizers.SGD",),
    ),
    Trick(
        name="Adam and AdamW of torch",
        paper="1711.05101",
        flags=("opt", "betas", "opt_eps"),
        module="kerastricks.optimizers.adamw",
        cost="two numbers a weight; half of Keras's time on CPUs",
        checked_against="torch's trajectories",
        example="--opt=adamw --weight_decay=0.05",
        objects=("optimizers.Adam", "optimizers.AdamW"),
    ),
    Trick(
        name="Lion",
        paper="2302.06675",
        flags=("opt",),
        module="kerastricks.optimizers.lion",
        cost="one number a weight",
        checked_against="timm's trajectories",
        example="--opt=lion",
        objects=("optimizers.Lion",),
    ),
    Trick(
        name="Muon, for convolutions too",
        paper="",
        flags=("opt",),
        module="kerastricks.optimizers.muon",
        cost="15 small matrix products a kernel",
        checked_against="torch's trajectories, in float32",
        example="--opt=muon",
        objects=("optimizers.Muon",),
    ),
    Trick(
        name="RMSprop of torch",
        paper="",
        flags=("opt",),
        module="kerastricks.optimizers.rmsprop",
        cost="one or two numbers a weight",
        checked_against="torch's trajectories",
        example="--opt=rmsprop",
        objects=("optimizers.RMSprop",),
    ),
    Trick(
        name="AdaBound and AMSBound",
        paper="1902.09843",
        flags=("opt", "final_lr", "bound_gamma"),
        module="kerastricks.optimizers.adabound",
        cost="two or three numbers a weight",
        checked_against="trajectories of the authors' code",
        example="--opt=adabound --final_lr=0.1",
        objects=("optimizers.AdaBound",),
    ),
    Trick(
        name="LARS",
        paper="1708.03888",
        flags=("opt", "trust_coefficient"),
        module="kerastricks.optimizers.lars",
        cost="two norms a variable",
        checked_against="timm's trajectories",
        example="--opt=lars --batch_size=8192 --accumulate=64",
        objects=("optimizers.Lars",),
    ),
    Trick(
        name="LAMB",
        paper="1904.00962",
        flags=("opt",),
        module="kerastricks.optimizers.lamb",
        cost="two numbers a weight, two norms a variable",
        checked_against="timm's trajectories",
        example="--opt=lamb",
        objects=("optimizers.Lamb",),
    ),
    Trick(
        name="Lookahead",
        paper="1907.08610",
        flags=("lookahead", "lookahead_alpha"),
        module="kerastricks.optimizers.lookahead",
        cost="one number a weight",
        checked_against="timm's trajectories",
        example="--lookahead=6",
        objects=("optimizers.Lookahead",),
    ),
    Trick(
        name="Weight decay, coupled or not",
        paper="",
        flags=("weight_decay",),
        module="kerastricks.optimizers.base",
        cost="none",
        checked_against="torch's trajectories, zero gradients",
        example="--weight_decay=5e-4",
        about=(
            "What `--weight_decay` means: added to the gradient (L2: SGD, "
            "Adam, RMSprop as torch has them), subtracted beside the step, "
            "times the learning rate (AdamW, Lion, Muon, `decoupled` SGD), or "
            "within the trust ratio (LARS, LAMB). The first lines of a run and "
            "effective.json tell SGD's in the other meanings. Hurts: a number "
            "of one meaning used in another: at momentum .9 coupled decay is "
            "ten times decoupled decay. Keras's own `weight_decay` is always "
            "decoupled, and leaves variables out by name."
        ),
        objects=("optimizers.SGD", "optimizers.AdamW"),
    ),
    Trick(
        name="No decay of biases and batch norm",
        paper="1807.11205",
        flags=("no_bias_decay",),
        module="kerastricks.optimizers.decay_mask",
        cost="none",
        checked_against="which variables decay",
        example="--no_bias_decay",
        objects=("optimizers.decay_mask", "optimizers.is_decayed"),
        headline=True,
    ),
    Trick(
        name="Learning rates by depth, of biases",
        paper="1801.06146",
        flags=("lr_groups", "layer_decay", "bias_lr"),
        module="kerastricks.optimizers.groups",
        cost="none",
        checked_against="timm's factors, each variable's step",
        example="--layer_decay=0.75",
        objects=("optimizers.layer_groups", "optimizers.rate_factors"),
    ),
    Trick(
        name="Clipped gradients, adaptive too",
        paper="2102.06171",
        flags=("clip_grad", "clip_mode"),
        module="kerastricks.optimizers.clipping",
        cost="one pass over the gradients",
        checked_against="torch's and timm's gradients",
        example="--clip_grad=1",
        objects=("optimizers.clipping.Clip",),
    ),
    Trick(
        name="Micro-batches within a step",
        paper="",
        flags=("accumulate",),
        module="kerastricks.training.passes",
        cost="less memory; time of smaller batches",
        checked_against="the whole batch's weights",
        example="--accumulate=4",
        objects=("training.Learner",),
        about=(
            "The batch goes through the network in parts, one after the "
            "other, inside one step; gradients are those of the whole batch. "
            "Schedules, averages, clipping and checkpoints see one step. "
            "Hurts: batch norm sees the parts. Keras's "
            "`gradient_accumulation_steps` lets schedule and average see each "
            "part."
        ),
    ),
    Trick(
        name="Sharpness-aware minimisation",
        paper="2010.01412",
        flags=("sam", "sam_every", "asam"),
        module="kerastricks.training.sam",
        cost="a second pass in each step that has it",
        checked_against="formula, gradients at the higher weights",
        example="--sam=0.05 --sam_every=10",
        objects=("training.Sam",),
    ),
    Trick(
        name="Average of the weights, exponential",
        paper="1803.05407",
        flags=("ema", "ema_warmup"),
        module="kerastricks.training.ema",
        cost="one pass over the weights; an evaluation an epoch",
        checked_against="formula in NumPy",
        example="--ema=0.999",
        objects=("training.Ema",),
        headline=True,
    ),
    Trick(
        name="Average of the last epochs (SWA)",
        paper="1803.05407",
        flags=("swa_epochs",),
        module="kerastricks.training.ema",
        cost="an evaluation an epoch",
        checked_against="means in NumPy",
        example="--swa_epochs=5 --schedule=constant",
        objects=("training.EpochMeans",),
    ),
    Trick(
        name="Batch norm recalibrated",
        paper="1803.05407",
        flags=("recalibrate_bn",),
        module="kerastricks.training.recalibrate",
        cost="so many forward passes an epoch",
        checked_against="torch's update_bn in NumPy",
        example="--ema=0.999 --recalibrate_bn=100",
        objects=("training.recalibrate.recalibrate",),
    ),
    Trick(
        name="Learning rate scaled by the batch",
        paper="1706.02677",
        flags=("learning_rate", "lr_scaling"),
        module="kerastricks.scaling",
        cost="none",
        checked_against="values by hand",
        example="--batch_size=512 --lr_scaling=linear",
        headline=True,
    ),
    Trick(
        name="Warm-up in front of any schedule",
        paper="1706.02677",
        flags=("warmup_epochs", "warmup", "warmup_lr", "warmup_inside"),
        module="kerastricks.schedules.warmup",
        cost="none",
        checked_against="timm's rates, values by hand",
        example="--warmup_epochs=5",
        objects=("schedules.Warmup", "schedules.WarmupCosine"),
        headline=True,
    ),
    Trick(
        name="Cosine decay",
        paper="1608.03983",
        flags=("epochs", "schedule", "min_lr"),
        module="kerastricks.schedules.cosine",
        cost="none",
        checked_against="torch's rates, values by hand",
        example="--schedule=cosine --epochs=60",
        objects=("schedules.Cosine",),
        headline=True,
    ),
    Trick(
        name="Cosine with restarts",
        paper="1608.03983",
        flags=("schedule", "cycle_epochs", "cycle_mult", "cycle_decay"),
        module="kerastricks.schedules.cosine_restarts",
        cost="none",
        checked_against="torch's and timm's rates",
        example="--schedule=cosine_restarts --cycle_mult=2 "
        "--epochs=70 --warmup_epochs=0",
        objects=("schedules.CosineRestarts",),
    ),
    Trick(
        name="One cycle, momentum too",
        paper="1708.07120",
        flags=("schedule", "pct_start", "cycle_momentum"),
        module="kerastricks.schedules.one_cycle",
        cost="none; its own warm-up",
        checked_against="torch's rates, fast.ai's formula",
        example="--schedule=one_cycle",
        objects=("schedules.OneCycle", "schedules.OneCycleMomentum"),
    ),
    Trick(
        name="Steps down",
        paper="1512.03385",
        flags=("schedule", "decay_epochs", "decay_milestones", "decay_rate"),
        module="kerastricks.schedules.step",
        cost="none",
        checked_against="torch's rates",
        example="--schedule=step --decay_epochs=10",
        objects=("schedules.Step", "schedules.MultiStep"),
    ),
    Trick(
        name="Exponential decay",
        paper="",
        flags=("schedule",),
        module="kerastricks.schedules.exponential",
        cost="none",
        checked_against="torch's rates",
        example="--schedule=exponential --decay_epochs=2 --decay_rate=0.9",
        objects=("schedules.Exponential",),
    ),
    Trick(
        name="Polynomial, linear decay",
        paper="",
        flags=("schedule", "poly_power"),
        module="kerastricks.schedules.polynomial",
        cost="none",
        checked_against="torch's rates",
        example="--schedule=polynomial --poly_power=2",
        objects=("schedules.Polynomial", "schedules.Linear"),
    ),
    Trick(
        name="Flat, then cosine",
        paper="",
        flags=("schedule", "flat_share"),
        module="kerastricks.schedules.flat_cosine",
        cost="none",
        checked_against="values by hand",
        example="--schedule=flat_cosine",
        objects=("schedules.FlatCosine",),
    ),
    Trick(
        name="Hyperbolic tangent decay",
        paper="1806.01593",
        flags=("schedule",),
        module="kerastricks.schedules.tanh",
        cost="none",
        checked_against="timm's rates",
        example="--schedule=tanh",
        objects=("schedules.Tanh",),
    ),
    Trick(
        name="Triangle",
        paper="2404.00498",
        flags=("schedule",),
        module="kerastricks.schedules.triangle",
        cost="none; its own warm-up",
        checked_against="airbench's formula",
        example="--schedule=triangle",
        objects=("schedules.Triangle",),
    ),
    Trick(
        name="Fine-tuning a run, published weights or a zoo model",
        paper="",
        flags=("finetune", "new_head"),
        module="kerastricks.finetuning",
        cost="none",
        checked_against="weights before and after, layer by layer",
        example="--finetune=runs/source",
        headline=True,
        about=(
            "A training starts from a network that has learnt something else: "
            "a run's folder brings its network, weights, image size and "
            "normalisation; a file of weights is for `--model`; `keras:NAME` "
            "brings another library's model and weights. The head is new "
            "where the classes are others. Worth 26 points on 100 images a "
            "class ([measured](../results.md#fine-tuning-on-few-pictures)). "
            "Hurts: nothing known but where the source saw other channels or "
            "scales, which is refused. More: "
            "[finetuning.md](../finetuning.md)."
        ),
    ),
    Trick(
        name="Head first, gradual unfreezing, head last",
        paper="1801.06146",
        flags=("freeze_epochs", "unfreeze_every", "head_epochs"),
        module="kerastricks.training.freezing",
        cost="less: of frozen layers only the forward pass",
        checked_against="which weights move; Adam's own steps by hand",
        example="--finetune=runs/source --freeze_epochs=2 --unfreeze_every=1",
        objects=("training.Learner",),
    ),
    Trick(
        name="Progressive resizing; other sizes in training (FixRes)",
        paper="1906.06423",
        flags=("resize_schedule",),
        module="kerastricks.assembly.plan",
        cost="less: a step's time goes with the pixels",
        checked_against="phases, sizes and steps by hand",
        example="--image_size=224 --resize_schedule=128@0,192@0.6,224@0.85",
        headline=True,
        about=(
            "Training images are small at first and grow by the share of the "
            "run that is over, or stay smaller than evaluation's all along: "
            "objects look larger in random crops than in centre crops (arXiv "
            "1906.06423). Weights, optimizer, averages and schedule go on. "
            "Hurts: networks of a fixed input size cannot; details that small "
            "images have not. More: [resizing.md](../resizing.md)."
        ),
    ),
    Trick(
        name="Batch size and augmentation along the run",
        paper="2104.00298",
        flags=("batch_schedule", "strength_schedule"),
        module="kerastricks.schedules.paced",
        cost="none; the step is traced once more for each",
        checked_against="rates, steps and strengths by hand",
        example="--batch_schedule=256@0,128@0.6 "
        "--strength_schedule=0.5@0,1@0.6 --mixup=0.2",
        objects=("schedules.Paced",),
        about=(
            "The batch, and how strong the augmentation is, by the share of "
            "the run that is over (arXiv 2104.00298). The learning rate "
            "follows the batch as `--lr_scaling` says, by the epoch. Flips, "
            "crops and cutout keep their strength. Hurts: nothing known. More: "
            "[resizing.md](../resizing.md)."
        ),
    ),
    Trick(
        name="Model soup, uniform or greedy",
        paper="2203.05482",
        flags=(),
        module="kerastricks.weight_soup",
        cost="none in serving; an evaluation of each run, afterwards",
        checked_against="means in NumPy, greedy choices by hand",
        command="soup",
        example="soup --run_dirs=runs/a,runs/b --output=runs/soup --greedy",
    ),
    Trick(
        name="Temperature scaling",
        paper="1706.04599",
        flags=(),
        module="kerastricks.evaluation.calibration",
        cost="none; fitted on the validation images",
        checked_against="torch's LBFGS by hand, golden section",
        command="evaluate",
        example="evaluate --run_dir=runs/flowers",
        objects=("evaluation.fit_temperature",),
    ),
    Trick(
        name="Wrong labels found (confident learning)",
        paper="1911.00068",
        flags=(),
        module="kerastricks.evaluation.label_noise",
        cost="none beside predictions",
        checked_against="numbers by hand, planted labels",
        command="inspect --run_dir",
        example="inspect --run_dir=runs/flowers",
        objects=("evaluation.suspects",),
    ),
    Trick(
        name="Test-time augmentation",
        paper="1409.1556",
        flags=(),
        module="kerastricks.evaluation.tta",
        cost="n views: n times an answer's work, none in training",
        checked_against="torchvision's FiveCrop and TenCrop, fast.ai's law",
        command="evaluate --tta",
        example="evaluate --run_dir=runs/flowers --tta=flip",
        objects=("evaluation.averaged_logits",),
        headline=True,
    ),
    Trick(
        name="Grad-CAM",
        paper="1610.02391",
        flags=(),
        module="kerastricks.evaluation.grad_cam",
        cost="none in training; a backward pass for each picture shown",
        checked_against="maps in closed form",
        command="evaluate --grad_cam",
        example="evaluate --run_dir=runs/flowers --grad_cam=16",
        objects=("evaluation.grad_cam.grad_cam",),
    ),
    Trick(
        name="Learning rate finder",
        paper="1506.01186",
        flags=(),
        module="kerastricks.training.lr_finder",
        cost="100 steps a run, beforehand",
        checked_against="fast.ai's suggestions, all state before and after",
        command="find_lr",
        example="find_lr --data=folder:flowers",
        objects=("training.lr_finder.find_lr",),
    ),
    Trick(
        name="Back from a loss that is no number",
        paper="",
        flags=("on_nan", "nan_steps"),
        module="kerastricks.training.guard",
        cost="none",
        checked_against="a run with broken batches",
        example="--on_nan=rollback",
        about=(
            "After three steps in a row whose loss or gradients are no "
            "numbers the run stops, says at which step and rate, and keeps "
            "its last checkpoint; `rollback` goes back to that and on with "
            "other images, at most three times. Hurts: nothing; a rate that "
            "is too high is not mended by it."
        ),
    ),
)
