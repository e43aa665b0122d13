"""All probes: by trick, with the number of calls that they make."""

from collections.abc import Callable
from typing import Any, NamedTuple

from conformance import (
    probe_blur,
    probe_color,
    probe_color_more,
    probe_cutmix,
    probe_erase,
    probe_hue,
    probe_mix,
    probe_mix_more,
    probe_place,
)
from conformance.adaptor import Apply


class Probe(NamedTuple):
    """What reads off numbers.

    Args:
        measure: (adaptor, calls) -> {quantity: value}.
        calls: to make, so that the numbers are good to two digits.
        batch: images in a call.
    """

    measure: Callable[[Apply, int], dict[str, Any]]
    calls: int
    batch: int


PROBES = {
    "mixup": Probe(probe_mix.mixup, 6000, 16),
    "cutmix": Probe(probe_cutmix.cutmix, 2000, 64),
    "cutmix in float16": Probe(probe_mix_more.half, 100, 4),
    "ricap": Probe(probe_mix_more.ricap, 2000, 16),
    "switch": Probe(probe_mix_more.switch, 2000, 16),
    "cutout": Probe(probe_erase.cutout, 200, 64),
    "random erasing": Probe(probe_erase.random_erasing, 200, 64),
    "grid mask": Probe(probe_erase.grid_mask, 100, 16),
    "hide and seek": Probe(probe_erase.hide_and_seek, 100, 16),
    "brightness": Probe(probe_color.brightness, 200, 16),
    "contrast": Probe(probe_color.contrast, 200, 16),
    "saturation": Probe(probe_hue.saturation, 200, 16),
    "hue": Probe(probe_hue.hue, 200, 16),
    "order": Probe(probe_color_more.jitter_order, 20, 16),
    "grayscale": Probe(probe_color_more.grayscale, 300, 16),
    "pca noise": Probe(probe_color_more.pca_noise, 500, 16),
    "normalize": Probe(probe_color_more.normalize, 1, 16),
    "flip": Probe(probe_place.flip, 300, 16),
    "alternating flip": Probe(probe_place.alternating_flip, 300, 16),
    "translate": Probe(probe_place.translate, 300, 16),
    "blur": Probe(probe_blur.blur, 100, 16),
    "crop": Probe(probe_place.crop, 200, 16),
}


def probe_of(key: str) -> Probe:
    """Of a trick, or of a variant such as `cutmix: factor (1, 1)`."""
    return PROBES[key.partition(":")[0]]
