"""python -m kerastricks.import_weights --source=FILE --model=NAME --output=FILE

Turns the weights of a ResNet from timm, torchvision or GluonCV (ported) into a
file for --init_weights, or for load_weights of the model of that name. Source:
.safetensors, or with torch installed .pth, .pt, .bin, .tar. No code that a
file may hold is run.
"""

import pathlib
from collections.abc import Sequence

from kerastricks import flags
from kerastricks.command import run_command
from kerastricks.errors import InputError
from kerastricks.files import digest, need_room, replacing
from kerastricks.hardware import choose_backend
from kerastricks.targets import writable_file

SOURCE = flags.Flag("source", "", "file of torch's weights")
MODEL = flags.Flag(
    "model",
    "",
    "name of the same network here, or timm's: resnet50_d, resnet50d",
)
OUTPUT = flags.Flag("output", "", "file to write, NAME.weights.h5")
NUM_CLASSES = flags.Flag(
    "num_classes",
    0,
    "of the model; 0: as many as in the file. Another number: a new head",
)
ENDING = ".weights.h5"


def main(argv: Sequence[str]) -> None:
    """Converts, and says what came of it."""
    values = flags.parse_alone(
        "import_weights", argv, __doc__, (SOURCE, MODEL, OUTPUT, NUM_CLASSES)
    )
    source, output = paths(values)
    if values["num_classes"] < 0:
        raise InputError(
            "num_classes must be positive, or 0 for the file's. "
            f"Received: num_classes={values['num_classes']}"
        )
    choose_backend("auto")

    from kerastricks import models
    from kerastricks.models.weights.tensor_files import read_tensors
    from kerastricks.models.weights.torch_weights import (
        file_classes,
        load_torch_weights,
    )

    tensors = read_tensors(source)
    classes = values["num_classes"] or file_classes(tensors)
    if not classes:
        raise InputError(
            "num_classes must be given where the file has no head, fc.weight. "
            f"Received: num_classes=0, source={source}"
        )
    model = models.create(values["model"], num_classes=classes)
    copied = load_torch_weights(model, tensors)
    output.parent.mkdir(parents=True, exist_ok=True)
    need_room(output.parent, 5 * model.count_params())
    with replacing(output) as partial:
        model.save_weights(partial)
    print(*copied.lines(str(source)), sep="\n")
    print(f"sha256     {digest(source)}")
    print("note       timm trains with --normalize=imagenet, the default")
    print(f"written    {output}")


def paths(values: dict[str, str]) -> tuple[pathlib.Path, pathlib.Path]:
    """(source, output), if both can be what they should."""
    for name, example in (
        ("source", "resnet50d.safetensors"),
        ("model", "resnet50_d"),
        ("output", f"resnet50_d{ENDING}"),
    ):
        if not values[name]:
            raise InputError(
                f"{name} must be given, as --{name}={example}. "
                f"Received: {name}=''"
            )
    if not values["output"].endswith(ENDING):
        raise InputError(
            f"output must end in {ENDING}. Received: output={values['output']}"
        )
    source = pathlib.Path(values["source"]).expanduser()
    if not source.is_file():
        raise InputError(
            f"source must be a file that exists. Received: source={source}"
        )
    return source, writable_file(values["output"])


if __name__ == "__main__":
    run_command(main)
