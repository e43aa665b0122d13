"""Batch tricks on the device: uint8 in, float32 and soft labels out."""

from kerastricks.augment.augment import Augment
from kerastricks.augment.blur import GaussianBlur, blur_batch
from kerastricks.augment.color import ColorTrick, apply_color
from kerastricks.augment.color_jitter import ColorJitter, color_matrix
from kerastricks.augment.cutmix import CutMix, cutmix_batch
from kerastricks.augment.cutout import Cutout, cutout_batch
from kerastricks.augment.erase import Eraser, erase_batch
from kerastricks.augment.flip import RandomFlip, flip_batch
from kerastricks.augment.grayscale import RandomGrayscale
from kerastricks.augment.grid_mask import GridMask
from kerastricks.augment.hide_and_seek import HideAndSeek
from kerastricks.augment.layer import AugmentLayer
from kerastricks.augment.mix_switch import MixSwitch
from kerastricks.augment.mixup import MixUp, mixup_batch
from kerastricks.augment.normalize import Normalize, normalize_batch
from kerastricks.augment.pca_noise import PcaNoise
from kerastricks.augment.random_erasing import RandomErasing
from kerastricks.augment.ricap import Ricap, ricap_batch
from kerastricks.augment.translate import RandomTranslate, translate_batch
from kerastricks.augment.trick import BatchTrick, ImageTrick

__all__ = [
    "Augment",
    "AugmentLayer",
    "BatchTrick",
    "ColorJitter",
    "ColorTrick",
    "CutMix",
    "Cutout",
    "Eraser",
    "GaussianBlur",
    "GridMask",
    "HideAndSeek",
    "ImageTrick",
    "MixSwitch",
    "MixUp",
    "Normalize",
    "PcaNoise",
    "RandomErasing",
    "RandomFlip",
    "RandomGrayscale",
    "RandomTranslate",
    "Ricap",
    "apply_color",
    "blur_batch",
    "color_matrix",
    "cutmix_batch",
    "cutout_batch",
    "erase_batch",
    "flip_batch",
    "mixup_batch",
    "normalize_batch",
    "ricap_batch",
    "translate_batch",
]
