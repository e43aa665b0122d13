import dataclasses
import json

import keras
import numpy as np
import pytest

from kerastricks.augment import BatchTrick, ImageTrick
from kerastricks.augment.trick import check_labels

pytestmark = pytest.mark.traced


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Add(ImageTrick):
    """Adds a number to each channel."""

    numbers: tuple[float, ...] = (1.0, 2.0, 3.0)
    times: float = 1.0

    def change(self, images, keys):
        return images + self.times * np.array(self.numbers) + keys


def test_an_image_trick_changes_images_and_leaves_labels():
    images, labels = np.zeros((2, 1, 1, 3)), np.eye(2)
    found, same = Add(times=2.0)(images, labels, 0.5)
    np.testing.assert_array_equal(found[:, 0, 0], [[2.5, 4.5, 6.5]] * 2)
    assert same is labels
    assert Add()(images, keys=0)[1] is None


def test_the_config_names_the_fields():
    assert Add((4.0,), 0.5).get_config() == {"numbers": (4.0,), "times": 0.5}


def test_tuples_survive_json():
    trick = Add((7.0, 8.0, 9.0), 0.5)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trick)))
    found = keras.saving.deserialize_keras_object(config)
    assert found == trick and found.numbers == (7.0, 8.0, 9.0)
    assert hash(found) == hash(trick) and found != Add()


def test_a_trick_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Add().times = 2.0


def test_what_no_trick_has_said_otherwise():
    assert BatchTrick.training_only and not BatchTrick.mixes
    with pytest.raises(NotImplementedError):
        BatchTrick()(None, None, None)
    with pytest.raises(NotImplementedError):
        ImageTrick()(None, None, None)


@pytest.mark.parametrize("labels", [None, np.zeros(4), np.zeros((4, 2, 2))])
def test_only_shares_of_classes_can_be_mixed(labels):
    check_labels(np.zeros((4, 2)))
    rule = r"labels must be shares of classes, \[B, C\], to be mixed\. Received"
    with pytest.raises(ValueError, match=rule):
        check_labels(labels)
