import keras
import pytest

from kerastricks.models import count_flops, create


def basic_d(blocks, size, classes):
    """Multiply-adds of ResNet-D with basic blocks, convolution by convolution.

    `size` is the side of the image and must divide by 32.
    """
    side = size // 2
    total = side**2 * 9 * (3 * 32 + 32 * 32 + 32 * 64)
    side, channels = side // 2, 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        side = side // 2 if stage else side
        for _ in range(count):
            if width != channels:  # the pooled shortcut's 1x1
                total += side**2 * channels * width
            total += side**2 * 9 * (channels * width + width * width)
            channels = width
    return total + channels * classes


def bottleneck_d(blocks, size, classes):
    """The same with bottlenecks; the first 1x1 comes before the stride."""
    side = size // 2
    total = side**2 * 9 * (3 * 32 + 32 * 32 + 32 * 64)
    side, channels = side // 2, 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for block in range(count):
            total += side**2 * channels * width
            side = side // 2 if stage and not block else side
            if not block:
                total += side**2 * channels * 4 * width
            total += side**2 * (9 * width * width + width * 4 * width)
            channels = 4 * width
    return total + channels * classes


def test_resnet50_d_at_224_is_the_literatures_number():
    found = count_flops(create("resnet50_d", image_size=224), 224)
    assert found == bottleneck_d((3, 4, 6, 3), 224, 1000)
    # 4.36 G in mmpretrain's table, batch norm and pooling included.
    assert found == pytest.approx(4.36e9, rel=0.01)


def test_resnet18_d_by_image_size():
    model = create("resnet18_d", num_classes=10)
    for size in (64, 224):
        expected = basic_d((2, 2, 2, 2), size, 10)
        assert count_flops(model, size) == expected
    # torchvision's resnet18 has 1.81 G at 224; D's stem adds .24.
    stem = 112**2 * 9 * (3 * 32 + 32 * 32 + 32 * 64) - 112**2 * 49 * 3 * 64
    assert expected - stem == pytest.approx(1.814e9, rel=0.005)


def test_each_kind_of_layer_by_hand():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, strides=2, padding="same"),  # 5x5 of 9x9
            layers.BatchNormalization(),
            layers.Conv2D(16, 1, groups=4),
            layers.DepthwiseConv2D(3, padding="valid"),  # 3x3
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    assert count_flops(model, 9) == (
        25 * 9 * 3 * 8 + 25 * 8 * 16 // 4 + 9 * 9 * 16 + 16 * 10
    )


def test_a_layer_counts_each_time_it_is_called():
    images = keras.Input((None, None, 3))
    shared = keras.layers.Conv2D(3, 1)
    model = keras.Model(images, shared(shared(images)))
    assert count_flops(model, 5) == 2 * 25 * 9


def test_counting_leaves_the_model_as_it_was():
    model = create("resnet10_d", num_classes=3, width=0.125)
    before = model.to_json()
    count_flops(model, 32)
    assert model.to_json() == before
    assert model.input_shape == (None, None, None, 3)


@pytest.mark.parametrize(
    "name, paper",
    # arXiv 1812.01187, tables 1 and 5, in G; v1 and b to the last digit.
    [
        ("resnet50_v1", 3.86),
        ("resnet50_b", 4.09),
        ("resnet50_c", 4.33),
        ("resnet50_d", 4.33),
        ("resnext50_32x4d", 4.23),
        ("se_resnet50_v1", 3.86),
    ],
)
def test_the_papers_table(name, paper):
    found = count_flops(create(name), 224)
    assert found / 1e9 == pytest.approx(paper, abs=0.005)


def test_squeeze_excite_counts_its_two_products():
    plain = count_flops(create("resnet18"), 64)
    squeezed = count_flops(create("se_resnet18"), 64)
    inner = {64: 8, 128: 8, 256: 16, 512: 32}
    assert squeezed - plain == sum(2 * 2 * c * inner[c] for c in inner)


def test_separable_convolutions():
    images = keras.Input((None, None, 3))
    layer = keras.layers.SeparableConv2D(8, 3, padding="same")
    model = keras.Model(images, layer(images))
    assert count_flops(model, 6) == 36 * (9 * 3 + 3 * 8)


def test_grey_images():
    model = create("resnet10_d", width=0.125, num_classes=3, in_channels=1)
    colour = create("resnet10_d", width=0.125, num_classes=3)
    less = count_flops(colour, 32) - count_flops(model, 32)
    assert less == 16 * 16 * 9 * 2 * 8
