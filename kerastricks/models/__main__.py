"""python -m kerastricks.models [NAME ...]

Prints parameters and multiply-adds of the models, at 1,000 classes and 224
pixels, or 10 and 32 for those made for small images. Without names: of all of
ours, each of which is built for it, which takes minutes; resnet50_b is resnet50
by its other name. keras:NAME and keras_cv:NAME can be named too.
"""

import math
from collections.abc import Sequence

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.models.names import in_zoo, names, parse

SMALL = ("cifar_resnet", "wide_resnet", "cifar_fast")


def main(argv: Sequence[str]) -> None:
    """One line for each name; all of the published ones without any."""
    _, given = flags.parse(argv, __doc__, ())
    chosen = given or names()
    families = ["zoo" if in_zoo(n) else parse(n)[0] for n in chosen]

    from kerastricks import models

    print(f"{'model':<24}{'parameters':>13}{'multiply-adds':>16}  pixels")
    for name, family in zip(chosen, families, strict=True):
        size, classes = (32, 10) if family in SMALL else (224, 1000)
        model = models.create(name, num_classes=classes)
        count = sum(
            math.prod(weight.shape) for weight in model.trainable_weights
        )
        flops = models.count_flops(model, size) / 1e9
        print(f"{name:<24}{count:>13,}{flops:>14.3f} G  {size:>6}", flush=True)


if __name__ == "__main__":
    run_command(main)
