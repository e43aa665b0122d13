"""The page's last section: clipping."""

from typing import Any

from conformance.page_parts import cell, markdown, paragraph

CLIPPING = """## Clipping: ours beside torchvision, on photos

{photos} photos of ImageNet, 224 x 224, each with factors and an order of its
own, the same for both. torchvision on bytes cuts to 0..255 and drops the
fraction after each step, so that each step darkens by half a grey level; on
floats it only cuts; ours is one matrix and one cut. `Step by step` is ours with
`clip="step"` (`--jitter_clip=step`), so that clipping alone is between the two.
Shares are of pixels of which a channel is off by more than 2 or 10 grey levels.

"""
HEADS = {
    "mean size": "mean difference",
    "mean": "with its sign",
    "over 2": "over 2",
    "over 10": "over 10",
}


def clipping_text(clipping: dict[str, Any]) -> str:
    """The last section."""
    text = CLIPPING.format(photos=clipping["photos"])
    for kind, title in (
        ("plain", "Brightness, contrast and saturation of .4"),
        ("hue", "The same with a hue of .1 (36 degrees; ours: .2)"),
    ):
        rows = [[title, *HEADS.values()], ["---"] * (len(HEADS) + 1)]
        for pair, numbers in clipping["pairs"].items():
            if pair.startswith(f"{kind}: "):
                values = [cell(numbers[name]) for name in HEADS]
                rows.append([pair.split(": ")[1], *values])
        text += markdown(rows) + "\n\n"
    return text + paragraph(CLIPPING_NOTE.format(**clipping_numbers(clipping)))


CLIPPING_NOTE = """Without hue ours is {all} grey levels from torchvision on
bytes: {fractions} of the fractions that it drops, {clipping} of clipping. With
hue it is {hue}, of which clipping makes {hue_clipping} and the plane of the
turn, YIQ or HSV, {plane} (sizes do not add up: signs differ). Without hue, step
by step it is {floats} from torchvision on floats.
"""


def clipping_numbers(clipping: dict[str, Any]) -> dict[str, str]:
    """Mean sizes that the note quotes."""
    ours = "ours, torchvision on bytes", "ours, ours step by step"
    plane = "ours step by step, torchvision on floats"
    names = {
        "all": f"plain: {ours[0]}",
        "clipping": f"plain: {ours[1]}",
        "fractions": "plain: torchvision on floats, on bytes",
        "floats": f"plain: {plane}",
        "hue": f"hue: {ours[0]}",
        "hue_clipping": f"hue: {ours[1]}",
        "plane": f"hue: {plane}",
    }
    return {
        name: cell(clipping["pairs"][pair]["mean size"])
        for name, pair in names.items()
    }
