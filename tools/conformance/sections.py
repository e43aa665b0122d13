"""The page's sections: which probes, under which heading, with which note."""

from typing import NamedTuple


class Section(NamedTuple):
    """A table of the page.

    Args:
        heading: begins with the name of ours.
        keys: of the probes whose numbers are its rows.
        note: what a number needs to be understood.
    """

    heading: str
    keys: tuple[str, ...]
    note: str


MIXING = (
    Section(
        "MixUp",
        ("mixup",),
        "torchvision and timm pair samples by their places, so that their "
        "batches must be shuffled. Keras and keras-cv draw a weight for each "
        "sample; so do we on demand, and then fold it to max(w, 1 - w) as "
        "fast.ai does. What stays as it is met itself, or drew a weight that "
        "float32 takes for 1. Distances leave out what is "
        "within 1e-6 of 0 or 1.",
    ),
    Section(
        "CutMix",
        ("cutmix",),
        "Keras's `factor` is the upper end of a range from which each batch "
        "draws its alpha. Its boxes lie inside the image, so that they are "
        "larger, and its labels count a box before its sides are rounded. "
        "keras-cv takes labels from the box before the border cuts it off. "
        "timm keeps odd sides, which the paper's code makes even.",
    ),
    Section(
        "CutMix: in float16, 288 x 288 pixels",
        ("cutmix in float16",),
        "Images in float16, labels in float32. Keras's layer, in the policy "
        "mixed_float16, counts pixels in float16, which ends at 65,504.",
    ),
    Section(
        "Ricap",
        ("ricap",),
        "No peer has it. A side of 32 shows the same as one of 0 and counts "
        "as that.",
    ),
    Section(
        "MixSwitch",
        ("switch",),
        "No paper; the law is timm's.",
    ),
)
ERASING = (
    Section(
        "Cutout",
        ("cutout",),
        "keras-cv agrees if both factors are pairs of equal numbers. A single "
        "number is the upper end of a range from 0. torchvision, timm and "
        "Keras have no Cutout.",
    ),
    Section(
        "RandomErasing",
        ("random erasing",),
        "Ours is torchvision's law unless told otherwise; timm's largest area "
        "is 1/3 instead of .33. In the paper's code "
        "the aspect is uniform instead of its logarithm, so that more boxes "
        "stand upright. Keras draws the probability from 0 up to the number "
        "given, draws height and width apart, which leaves no aspect to set, "
        "and fills with noise of which the lower half is cut off at black.",
    ),
    Section(
        "GridMask",
        ("grid mask",),
        "keras-cv draws the share of the period that goes from 0 to .5 and "
        "turns every grid. The paper raises its rate over the run; here it is "
        "at its end.",
    ),
    Section("HideAndSeek", ("hide and seek",), "No peer has it."),
)
COLORS = (
    Section(
        "ColorJitter: brightness",
        ("brightness",),
        "Keras and keras-cv add up to .4 of the range: black turns grey.",
    ),
    Section(
        "ColorJitter: contrast",
        ("contrast",),
        "A single `factor` of Keras's goes upwards only, from 1 to 1.4; both "
        "ways takes a pair. Keras and keras-cv take the mean of each channel "
        "for the centre, so that less contrast also means less colour cast.",
    ),
    Section(
        "ColorJitter: saturation",
        ("saturation",),
        "Keras and keras-cv scale HSV's saturation by s / (1 - s), which the "
        "pair here makes .6 to 1.4, though not evenly; a single .4 takes "
        "colour away only. The paper's column is the law as meant: MXNet's "
        "operator (as read in its source) takes blue alone for the grey.",
    ),
    Section(
        "ColorJitter: hue",
        ("hue",),
        "torchvision's unit is a circle; ours, Keras's and that of MXNet's "
        "HueJitterAug is half of one. YIQ keeps how bright a colour looks, HSV "
        "its largest and smallest channel. MXNet's operator turns in HLS.",
    ),
    Section(
        "ColorJitter: order and clipping",
        ("order",),
        "Brightness and contrast of .8, so that much clips. torchvision cuts "
        "after each step, ours once, or on demand after each step. Without "
        "cuts in between brightness, contrast and saturation commute, and so "
        "does our hue nearly (see the card): no order would show. Where "
        "both orders occur it is random; they do not show equally often.",
    ),
    Section(
        "RandomGrayscale",
        ("grayscale",),
        "keras-cv's layer has no rate. torchvision's and Keras's weights add "
        "up to .9999.",
    ),
    Section(
        "PcaNoise",
        ("pca noise",),
        "No peer has it; the paper's column has GluonCV's numbers.",
    ),
    Section("Normalize", ("normalize",), "All agree."),
)
PLACES = (
    Section(
        "RandomFlip",
        ("flip", "alternating flip"),
        "Alike in two epochs are half of the images by chance, and none where "
        "flips alternate.",
    ),
    Section(
        "RandomTranslate",
        ("translate",),
        "Keras's RandomCrop pads nothing (padded by hand here) and moves all "
        "of a batch alike; its RandomTranslation moves by parts of pixels. "
        "keras-cv's takes the outermost places less than half as often.",
    ),
    Section(
        "GaussianBlur",
        ("blur",),
        "Sigmas below .19 change nothing that could be seen. SimCLR's code, "
        "Keras and keras-cv take what is beyond the border for black, which "
        "darkens the margins; torchvision and ours mirror. Keras draws two "
        "sigmas, for the two axes, once for a batch. keras-cv has no rate.",
    ),
    Section(
        "random_resized_crop_box",
        ("crop",),
        "Of images of 300 x 400. keras-cv takes the aspect relative to the "
        "image's, tries once and lets sides be cut to the image; its "
        "crop_and_resize reaches from centre to centre of the outer pixels, "
        "hence shares above 1. TensorFlow draws the height, not the area.",
    ),
)
SECTIONS = MIXING + ERASING + COLORS + PLACES
