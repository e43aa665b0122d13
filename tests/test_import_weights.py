"""python -m kerastricks.import_weights."""

import hashlib
import json

import numpy as np
import pytest
from keras import ops

from kerastricks import import_weights, models
from kerastricks.errors import InputError
from kerastricks.models.weights.start import copy_from
from kerastricks.models.weights.torch_names import torch_names, torch_shape

CLASSES = 6


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, value in tensors.items():
        begin, end = end, end + value.nbytes
        header[name] = {
            "dtype": {"f2": "F16", "i8": "I64"}[value.dtype.str[1:]],
            "shape": list(value.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(value.tobytes())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """(its path, tensors by torch's names) of a ResNet-18 of 6 classes."""
    model = models.create("resnet18", num_classes=CLASSES)
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    tensors = {}
    for number, (path, (name, _)) in enumerate(torch_names(model).items(), 1):
        shape = torch_shape(shapes[path])
        ramp = np.linspace(number, -number, int(np.prod(shape)))
        tensors[name] = ramp.reshape(shape).astype(np.float16)
    path = tmp_path_factory.mktemp("source") / "resnet18.safetensors"
    counter = {"bn1.num_batches_tracked": np.array(3)}
    write_safetensors(path, tensors | counter)
    return path, tensors


def convert(source, output, *flags):
    import_weights.main([f"--source={source}", f"--output={output}", *flags])


def value(model, layer, number=0):
    return ops.convert_to_numpy(model.get_layer(layer).weights[number])


def test_the_file_loads_into_the_model(source, tmp_path, capsys):
    path, tensors = source
    output = tmp_path / "new" / "a.weights.h5"
    convert(path, output, "--model=resnet18")
    said = capsys.readouterr().out
    parameters = sum(tensor.size for tensor in tensors.values())
    assert (
        f"weights    {path}: {parameters:,} numbers in {len(tensors)} tensors\n"
        "new        nothing\n" in said
    )
    assert "--normalize=imagenet" in said
    assert hashlib.sha256(path.read_bytes()).hexdigest() in said
    assert [left.name for left in output.parent.iterdir()] == [output.name]

    model = models.create("resnet18", num_classes=CLASSES)
    model.load_weights(output)
    np.testing.assert_array_equal(value(model, "head"), tensors["fc.weight"].T)
    np.testing.assert_array_equal(
        value(model, "stage4_block2_2_conv"),
        tensors["layer4.1.conv2.weight"].transpose(2, 3, 1, 0),
    )


def test_another_number_of_classes(source, tmp_path, capsys):
    path, tensors = source
    output = tmp_path / "a.weights.h5"
    convert(path, output, "--model=resnet18", "--num_classes=3")
    said = capsys.readouterr().out
    assert "head (6 classes in the file, 3 in the model)" in said
    model = models.create("resnet18", num_classes=3)
    assert copy_from(model, output).left_new == ""
    np.testing.assert_array_equal(
        value(model, "stem_1_conv"),
        tensors["conv1.weight"].transpose(2, 3, 1, 0),
    )
    # Straight from the source is the same, but for the head.
    direct = models.create("resnet18", num_classes=3, seed=1)
    assert copy_from(direct, path).left_new.startswith("head (6 classes")
    for ours, theirs in zip(
        model.weights[:-2], direct.weights[:-2], strict=True
    ):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs)
        )


def test_the_wrong_model_is_told_what_differs(source, tmp_path):
    output = tmp_path / "a.weights.h5"
    output.write_text("what was there")
    with pytest.raises(
        InputError,
        match=r"model=resnet18_d, \d+ missing \(conv1\.0\.weight.*"
        r"unexpected \(conv1\.weight",
    ):
        convert(source[0], output, "--model=resnet18_d")
    assert output.read_text() == "what was there"


def test_a_file_without_head_needs_a_number(source, tmp_path):
    path, tensors = source
    headless = tmp_path / "a.safetensors"
    write_safetensors(
        headless, {n: x for n, x in tensors.items() if n[:3] != "fc."}
    )
    output = tmp_path / "a.weights.h5"
    with pytest.raises(InputError, match="num_classes must be given"):
        convert(headless, output, "--model=resnet18")
    convert(headless, output, "--model=resnet18", "--num_classes=2")
    assert output.is_file()


@pytest.mark.parametrize(
    "flags, rule",
    [
        ([], "source must be given"),
        (["--source=a.pth"], "model must be given"),
        (["--source=a.pth", "--model=resnet18"], "output must be given"),
        (
            ["--source=a.pth", "--model=resnet18", "--output=a.h5"],
            r"output must end in \.weights\.h5. Received: output=a\.h5",
        ),
        (
            ["--source=a.pth", "--model=resnet18", "--output=a.weights.h5"],
            r"source must be a file that exists. Received: source=a\.pth",
        ),
        (["a.pth"], "takes flags only"),
    ],
)
def test_bad_flags(flags, rule):
    with pytest.raises(InputError, match=rule):
        import_weights.main(flags)


def test_bad_values(source, tmp_path):
    output = tmp_path / "a.weights.h5"
    with pytest.raises(InputError, match="num_classes=-1"):
        convert(source[0], output, "--model=resnet18", "--num_classes=-1")
    with pytest.raises(InputError, match="model must be a name"):
        convert(source[0], output, "--model=vgg16")
