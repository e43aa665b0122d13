"""TensorFlow Datasets as a source: both file formats, slices, mocks."""

import os

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_splits, train_pipeline
from kerastricks.data.sources.tfds import open_tfds, read_request
from kerastricks.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")

NAMES = ("ant", "bee", "cow")


def picture(number):
    image = np.zeros((20, 24, 3), np.uint8)
    image[number % 20] = 255 - number
    return tf.io.encode_jpeg(image, quality=90).numpy()


class Beasts(tfds.core.GeneratorBasedBuilder):
    """30 training images and 12 to test; image i is of class i % 3."""

    VERSION = tfds.core.Version("1.2.0")
    SUPERVISED = ("image", "label")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "number": np.int64,
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=NAMES),
                    "reverse": tfds.features.ClassLabel(num_classes=3),
                }
            ),
            supervised_keys=self.SUPERVISED,
        )

    def _split_generators(self, dl_manager):
        return {"train": self.made(0, 30), "test": self.made(30, 42)}

    def _generate_examples(self):
        raise NotImplementedError

    def made(self, start, stop):
        for i in range(start, stop):
            yield (
                i,
                {
                    "number": i,
                    "image": picture(i),
                    "label": i % 3,
                    "reverse": 2 - i % 3,
                },
            )


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def prepared(request, tmp_path_factory):
    """The folder of a dataset in three files a split."""
    if request.param == "array_record":
        pytest.importorskip("array_record")
    folder = tmp_path_factory.mktemp("data") / request.param
    builder = Beasts(data_dir=folder, file_format=request.param)
    config = tfds.download.DownloadConfig(num_shards=3)
    builder.download_and_prepare(download_config=config)
    assert builder.info.splits["train"].num_shards == 3
    return folder


@pytest.fixture(autouse=True)
def offline(tmp_path_factory, monkeypatch):
    """A user's cache, and a home without datasets."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("KERASTRICKS_CACHE", str(folder))


def opened(text, val_fraction=0.5):
    return open_tfds(text, val_fraction, seed=0)


def refusal(text):
    with pytest.raises(InputError) as caught:
        opened(text)
    return str(caught.value)


def numbers(source):
    """Which pictures a source holds, by their bytes."""
    known = {picture(i): i for i in range(42)}
    fetch = tf.function(source.fetch)
    return [known[fetch(tf.constant(i)).numpy()] for i in source.indices]


def of_tfds(folder, split):
    """Number and label in the order in which TFDS reads them."""
    builder = tfds.builder("beasts", data_dir=folder)
    if folder.name == "array_record":
        rows = builder.as_data_source(split=split)
    else:
        in_turn = tfds.ReadConfig(interleave_cycle_length=1)
        rows = builder.as_dataset(split=split, read_config=in_turn)
        rows = rows.as_numpy_iterator()
    return [(int(row["number"]), int(row["label"])) for row in rows]


def held(source):
    return list(zip(numbers(source), source.labels.tolist(), strict=True))


def test_bytes_and_labels_are_those_of_tfds(prepared):
    splits = opened(f"beasts?data_dir={prepared}")
    assert list(splits) == ["train", "val"]
    for source, split in zip(splits.values(), ("train", "test"), strict=True):
        assert held(source) == of_tfds(prepared, split)
        assert source.class_names == NAMES
        assert source.labels.dtype == np.int32
        assert source.encoded and source.natural_size == 20
        assert len(set(source.names)) == len(source) and source.stamp
    assert splits["train"].stamp != splits["val"].stamp


def test_labels_are_kept_between_runs(prepared, monkeypatch):
    first = opened(f"beasts?data_dir={prepared}")["train"]
    for module in ("records.read_through", "sources.tfds.labels_of"):
        monkeypatch.setattr(f"kerastricks.data.{module}", None)
    second = opened(f"beasts?data_dir={prepared}")["train"]
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.stamp == second.stamp


@pytest.mark.parametrize(
    "train, val",
    [("train[:80%]", "train[80%:]"), ("test+train[5:7]", "train[7:9]")],
)
def test_slices(prepared, train, val):
    text = f"beasts@1.2.0?train={train}&val={val}&data_dir={prepared}"
    splits = opened(text)
    assert held(splits["train"]) == of_tfds(prepared, train)
    assert held(splits["val"]) == of_tfds(prepared, val)


@pytest.mark.parametrize(
    "chosen", ["val=train[90%:]", "train=train[:90%]&val=train[80%:]"]
)
def test_overlap_is_refused(prepared, chosen):
    with pytest.raises(InputError, match="must not share images. Received"):
        opened(f"beasts?{chosen}&data_dir={prepared}")


def test_chosen_training_split_alone_is_divided(prepared):
    splits = opened(f"beasts?train=train&data_dir={prepared}", 0.2)
    assert [len(source) for source in splits.values()] == [24, 6]
    together = held(splits["train"]) + held(splits["val"])
    assert sorted(together) == sorted(of_tfds(prepared, "train"))


def test_other_label(prepared):
    source = opened(f"beasts?label=reverse&data_dir={prepared}")["train"]
    assert source.class_names == ("0", "1", "2")
    found = zip(numbers(source), source.labels, strict=True)
    assert all(label == 2 - number % 3 for number, label in found)


def test_training_on_it(prepared):
    source = open_splits(f"tfds:beasts?data_dir={prepared}")["train"]
    batches = train_pipeline(
        source, image_size=20, batch_size=10, epochs=1, train_crop="center"
    )
    labels = np.concatenate([label for _, label in batches])
    assert np.bincount(labels).tolist() == [10, 10, 10]


def test_what_is_not_there_is_named(prepared):
    at = f"data_dir={prepared}"
    message = refusal(f"beasts?train=valid&{at}")
    assert message.startswith(
        "a split must be one of train, test, or a slice as train[:80%]. "
        "Received: valid of beasts ("
    )
    assert refusal(f"beasts?label=number&{at}") == (
        "a dataset needs an Image and a ClassLabel; name them with "
        "?image=NAME&label=NAME. Received: number as ClassLabel among "
        "image, label, number, reverse of beasts"
    )
    for name in ("beasts@9.9.9", "beasts/large", "no_such_dataset"):
        message = refusal(f"{name}?{at}")
        assert message.startswith("tfds: needs a dataset that TFDS knows or ")
        assert message.endswith(f"Received: tfds:{name}")
        assert "\n" not in message


def test_lost_file_is_named(tmp_path):
    builder = Beasts(data_dir=tmp_path)
    builder.download_and_prepare()
    (file,) = builder.info.splits["test"].filepaths
    os.unlink(file)
    message = refusal(f"beasts?data_dir={tmp_path}")
    assert message.endswith(f"Received: no {file}")
    assert f"tfds build beasts:1.2.0 --data_dir={tmp_path}" in message


def test_unprepared_dataset_is_not_downloaded(tmp_path):
    assert refusal(f"cifar10?data_dir={tmp_path}") == (
        "the dataset must be prepared first, which may download it: tfds "
        f"build cifar10:3.0.2 --data_dir={tmp_path}. Received: tfds:cifar10, "
        f"which is not in {tmp_path}/cifar10/3.0.2"
    )
    assert not list(tmp_path.iterdir())


def test_builder_without_files_is_read_into_memory():
    with tfds.testing.mock_data(num_examples=20):
        splits = open_splits("tfds:cifar10")
        rows = tfds.load("cifar10", split="train").as_numpy_iterator()
        expected = [(row["image"], row["label"]) for row in rows]
    for source in splits.values():
        assert source.natural_size == 32 and len(source.class_names) == 10
        for place, (image, label) in enumerate(expected):
            data = source.fetch(tf.constant(source.indices[place]))
            np.testing.assert_array_equal(tf.io.decode_png(data), image)
            assert source.labels[place] == label


@pytest.mark.parametrize(
    "text, name, options",
    [
        ("a", "a", {}),
        ("a/b@1.0.0", "a/b:1.0.0", {}),
        ("a?train=x[:5%]&val=y", "a", {"train": "x[:5%]", "val": "y"}),
    ],
)
def test_parts_of_the_text(text, name, options):
    request = read_request(text)
    assert request.name == name
    for key in ("train", "val", "image", "label"):
        assert getattr(request, key) == options.get(key, "")


@pytest.mark.parametrize("text", ["a?x=1", "a?train", "a?train=", "a?train&"])
def test_options_that_are_none(text):
    with pytest.raises(InputError, match="after the . come train, val, image"):
        read_request(text)
