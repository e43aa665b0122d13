"""Nothing of the machine in what is handed on."""

import pytest

from kerastricks.serving import places


@pytest.mark.parametrize(
    "spec, shown",
    [
        ("shapes", "shapes"),
        ("csv:/a/b/labels.csv", "csv:labels.csv"),
        ("folder:flowers/", "folder:flowers"),
        ("folder:~/my photos", "folder:my photos"),
        ("folder:.", "folder:."),
        ("tfrecord:/data/train-*.tfrecord", "tfrecord:train-*.tfrecord"),
        ("arrays:~/d.npz", "arrays:d.npz"),
        (
            "tfds:imagenet_v2/matched-frequency@3.0.0",
            "tfds:imagenet_v2/matched-frequency@3.0.0",
        ),
        ("tfds:mine?data_dir=/data/tfds", "tfds:mine"),
        (
            "tfds:c?train=train[:80%]&data_dir=/d/e&val=train[80%:]",
            "tfds:c?train=train[:80%]&val=train[80%:]",
        ),
    ],
)
def test_data(spec, shown):
    assert places.data_name(spec) == shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("/home/me/runs/a", "a"),
        ("/home/me/my runs/a", "a"),
        ("~/runs/a.h5", "a.h5"),
        ("resnet50=/w/a.h5,/runs/b/", "resnet50=a.h5,b"),
        ("keras:ResNet50", "keras:ResNet50"),
        ("runs/a", "runs/a"),
        ("120,110,100/60,61,62", "120,110,100/60,61,62"),
        ("0.8/1/1.2", "0.8/1/1.2"),
        ("https://host/a/b", "https://host/a/b"),
        ("grpc://localhost:5000", "grpc://localhost:5000"),
        ("no such file: '/home/me/x.csv' (2)", "no such file: 'x.csv' (2)"),
    ],
)
def test_absolute_paths(text, shown):
    assert places.without_paths(text) == shown


def test_messages_about_data():
    spec = "folder:/home/me/my photos/flowers"
    text = "it must exist. Received: /home/me/my photos/flowers/val, /tmp/x"
    assert places.without_data(text, spec) == (
        "it must exist. Received: flowers/val, x"
    )
