"""Every knob once, with its help, in the order of a step."""

import dataclasses
from collections.abc import Iterator

from kerastricks.config.knobs import knob

OPTIMIZERS = (
    *("sgd", "adam", "adamw", "lion", "muon", "rmsprop"),
    *("adabound", "amsbound", "lars", "lamb"),
)


SCHEDULES = (
    *("constant", "step", "multistep", "exponential", "polynomial", "linear"),
    *("cosine", "cosine_restarts", "one_cycle", "flat_cosine", "tanh"),
    "triangle",
)


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
        0,
        "side of the model's input; 0: what suits the data, 224 for photos, "
        "their own for small images",
        low=0,
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
    sync_bn: bool = knob(
        False,
        "batch norms measure the batch of all devices, not each its own part "
        "(on JAX they always do)",
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

    loss: str = knob(
        "auto",
        "softmax: one class an image; sigmoid: each class by itself, also "
        "where an image has one (ResNet strikes back); focal; auto: by the "
        "data",
        choices=("auto", "softmax", "sigmoid", "focal"),
    )
    label_smoothing: float = knob(
        0.1, "share of the target spread over all classes", low=0.0, high=0.99
    )
    smoothing_law: str = knob(
        "auto",
        "uniform: over all classes, as all code has it; others: over the "
        "wrong ones, as the paper says; half: towards 1/2, of a sigmoid; "
        "auto: half with several classes an image, else uniform",
        choices=("auto", "uniform", "others", "half"),
    )
    bce_target_thresh: float = knob(
        -1.0,
        "of loss=sigmoid: targets above it count in full, others not; -1: off",
        low=-1.0,
        high=0.99,
    )
    bce_sum: bool = knob(
        False, "of loss=sigmoid: the sum over the classes, not their mean"
    )
    focal_gamma: float = knob(
        2.0, "of loss=focal: how much less what is right counts", low=0.0
    )
    jsd: float = knob(
        0.0,
        "weight of the divergence of three views of each image, two of them "
        "by --policy; AugMix: 12",
        low=0.0,
    )
    class_weights: str = knob(
        "",
        "balanced: by how rare a class is; or w0,w1,... in the order of the "
        "classes",
    )


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How weights follow their gradients."""

    opt: str = knob(
        "sgd",
        "the optimizer",
        choices=OPTIMIZERS,
    )
    learning_rate: float = knob(
        0.0,
        "peak, for 256 images in a batch (see lr_scaling); 0: what is usual "
        "for opt, of sgd 0.1",
        low=0.0,
    )
    lr_scaling: str = knob(
        "auto",
        "with the batch: linear: times batch_size / 256; sqrt: times its root; "
        "none: as given; auto: sqrt for Adam and its kin, else linear",
        choices=("auto", "linear", "sqrt", "none"),
    )
    lr_groups: str = knob(
        "",
        "learning rates from stem to head, as 1e-4,1e-3,1e-2, instead of "
        "learning_rate; ratios of 10 for data like that of init_weights, of 3 "
        "for other",
    )
    layer_decay: float = knob(
        1.0,
        "factor of the learning rate from one block to the one before it",
        low=0.01,
        high=1.0,
    )
    bias_lr: float = knob(
        1.0,
        "factor of the learning rate of biases and batch norm's betas",
        low=0.0,
    )
    momentum: float = knob(
        -1.0,
        "of sgd, lars, rmsprop, muon; -1: 0.9, of muon 0.95",
        low=-1.0,
        high=0.9999,
    )
    nesterov: bool = knob(True, "Nesterov's momentum, of sgd and muon")
    sgd_semantics: str = knob(
        "torch",
        "whose SGD a published learning rate and weight decay are meant for",
        choices=("torch", "mxnet", "decoupled"),
    )
    betas: tuple[float, float] = knob(
        (0.0, 0.0),
        "of Adam and its kin; 0,0: 0.9,0.999, of lion 0.9,0.99",
        low=0.0,
        high=0.999999,
    )
    opt_eps: float = knob(
        0.0,
        "what keeps Adam and its kin from dividing by 0; 0: its own",
        low=0.0,
    )
    final_lr: float = knob(
        0.1, "of adabound: SGD's learning rate that it comes to", low=0.0
    )
    bound_gamma: float = knob(
        1e-3, "of adabound: how fast it comes to it", low=1e-9
    )
    trust_coefficient: float = knob(
        1e-3, "of lars: a step's length over the weights'", low=0.0
    )
    lookahead: int = knob(
        0, "every so many steps go back towards the slow weights; 0: off", low=0
    )
    lookahead_alpha: float = knob(
        0.5, "how far the slow weights follow", low=0.01, high=1.0
    )
    weight_decay: float = knob(
        -1.0,
        "as opt and sgd_semantics have it; -1: what is usual for opt, of sgd "
        "1e-4",
        low=-1.0,
    )
    no_bias_decay: bool = knob(
        True, "decay no bias and no batch-norm scale (1-D variables)"
    )
    clip_grad: float = knob(
        0.0, "largest gradient, as clip_mode measures it; 0: off", low=0.0
    )
    clip_mode: str = knob(
        "global_norm",
        "norm of all gradients (torch, timm's norm), of each variable's, value "
        "by value, or agc: relative to each unit's weights",
        choices=("global_norm", "variable_norm", "value", "agc"),
    )
    accumulate: int = knob(
        1, "parts into which a step divides its batch, to save memory", low=1
    )
    sam: float = knob(
        0.0, "rho of sharpness-aware minimisation; paper: 0.05", low=0.0
    )
    sam_every: int = knob(1, "of so many steps one has SAM", low=1)
    asam: bool = knob(False, "adaptive SAM, whose rho is about 0.5")
    ema: float = knob(
        0.0,
        "decay of the exponential average of the weights; long runs: 0.9998",
        low=0.0,
        high=0.999999,
    )
    ema_warmup: bool = knob(True, "lower decays of the average at first")
    swa_epochs: int = knob(
        0, "mean of the weights after each of the last so many epochs", low=0
    )
    recalibrate_bn: int = knob(
        0,
        "training batches by which the average's batch-norm statistics are "
        "measured anew; 0: averaged as well",
        low=0,
    )


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long, and with which learning rate at each step."""

    epochs: int = knob(30, "passes over the training images", low=1)
    schedule: str = knob(
        "cosine",
        "of the learning rate after the warm-up",
        choices=SCHEDULES,
    )
    min_lr: float = knob(
        0.0,
        "where cosine, cosine_restarts, flat_cosine, linear, polynomial and "
        "tanh end",
        low=0.0,
    )
    warmup_epochs: float = knob(
        -1.0,
        "before the schedule; -1: a sixth of the run, at most 5; none for "
        "one_cycle and triangle",
        low=-1.0,
    )
    warmup: str = knob(
        "linear",
        "linear from warmup_lr, exponential from it, or constant at it",
        choices=("linear", "exponential", "constant"),
    )
    warmup_lr: float = knob(0.0, "where the warm-up begins", low=0.0)
    warmup_inside: bool = knob(
        False, "the schedule's clock runs during the warm-up, as in timm"
    )
    decay_epochs: float = knob(
        30.0, "of step and exponential: every so many epochs", low=0.001
    )
    decay_milestones: str = knob(
        "30,60,80", "of multistep: the epochs at which the rate falls"
    )
    decay_rate: float = knob(
        0.1, "of step, multistep, exponential: by what", low=0.0, high=1.0
    )
    poly_power: float = knob(2.0, "of polynomial", low=0.01)
    cycle_epochs: float = knob(
        10.0, "of cosine_restarts: the first cycle", low=0.001
    )
    cycle_mult: float = knob(
        1.0, "of cosine_restarts: a cycle's length over the last one's", low=1.0
    )
    cycle_decay: float = knob(
        1.0, "of cosine_restarts: a cycle's peak over the last one's", low=0.0
    )
    flat_share: float = knob(
        0.72, "of flat_cosine: before it falls", low=0.0, high=0.99
    )
    pct_start: float = knob(
        0.25, "of one_cycle: share of the run that rises", low=0.01, high=0.99
    )
    cycle_momentum: tuple[float, float] = knob(
        (0.95, 0.85),
        "of one_cycle: highest,lowest momentum; 0,0: it stays",
        low=0.0,
        high=0.9999,
    )
    resize_schedule: str = knob(
        "",
        "side of training images, as side@share of the run (0 to 1) from "
        "which it holds: 128@0,192@0.6,224@0.85; or one side: 176. Evaluation "
        "has image_size",
    )
    batch_schedule: str = knob(
        "",
        "batch sizes likewise, as 512@0,256@0.6; the learning rate, that of "
        "batch_size, follows as lr_scaling says",
    )
    strength_schedule: str = knob(
        "",
        "factors likewise, as 0.5@0,1@0.6, of colour, blur, erasing, mixing "
        "and the policy's magnitude",
    )


@dataclasses.dataclass(frozen=True)
class Distill:
    """Whom the classifier learns from besides the labels."""

    teacher: str = knob(
        "",
        "folder of a run, zoo model (keras:ResNet50), NAME=weights file or "
        "SavedModel; several with commas between; ema: its own average",
    )
    temperature: float = knob(
        20.0, "by which logits are divided; GluonCV: 20", low=0.01
    )
    hard_weight: float = knob(
        0.5, "of the labels' loss; GluonCV: 0.5, the paper: 1", low=0.0
    )
    soft_weight: float = knob(
        -1.0,
        "of the teachers' loss; -1: 1 - hard_weight, the paper: 1",
        low=-1.0,
    )
    distill_loss: str = knob(
        "kl",
        "Kullback-Leibler divergence, or cross entropy as in the paper: the "
        "same gradient, but a loss that never comes near 0",
        choices=("kl", "ce"),
    )
    distill_features: float = knob(
        0.0, "weight of the distance to the teacher's features", low=0.0
    )
    cache_teacher: bool = knob(
        False, "ask the teacher once an image, where images never change"
    )


@dataclasses.dataclass(frozen=True)
class Finetune:
    """How what has learnt something else learns this."""

    finetune: str = knob(
        "",
        "what to start from: a run's folder, which brings its network, "
        "weights, image size and normalisation; a weights file for --model; "
        "keras:NAME or keras_hub:PRESET. For other classes the head is new",
    )
    new_head: bool = knob(
        False, "start with a new head also where the classes are as many"
    )
    freeze_epochs: int = knob(
        0,
        "so many epochs at the start in which only the head learns (they "
        "count in epochs)",
        low=0,
    )
    unfreeze_every: int = knob(
        0,
        "after freeze_epochs: one layer group more (of stem, stages, head, "
        "beginning behind the head) every so many epochs; 0: all at once",
        low=0,
    )
    head_epochs: int = knob(
        0, "so many epochs at the end in which only the head learns", low=0
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
    devices: int = knob(
        1,
        "GPUs that each batch is divided among; 0: all there are",
        low=0,
        identity=False,
    )
    on_nan: str = knob(
        "stop",
        "if losses or gradients are no numbers: stop the run, or go back to "
        "the last checkpoint and on with other data, at most 3 times",
        choices=("stop", "rollback"),
        identity=False,
    )
    nan_steps: int = knob(
        3, "after so many such steps in a row", low=1, identity=False
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
    "distill": Distill,
    "finetune": Finetune,
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
