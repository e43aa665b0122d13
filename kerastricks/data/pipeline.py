"""The only place, map, batch and prefetch.

A batch is ({"image": uint8 [B, S, S, 3], "key": int32 [B, 2]}, label [B]); the
labels of images with several classes are float32 [B, C]. With several views of
each image there are as many rows for it, one after the other.

Order is a function (see `order`). Randomness is data: each sample carries a key
made of (seed, epoch, position), and whatever is drawn for it, on the host or on
the device, is drawn from that key.
"""

import socket
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from kerastricks.data import order
from kerastricks.data.sources.source import Source
from kerastricks.data.squares import Squares
from kerastricks.errors import InputError

Tensor = Any
Policy = Callable[[Tensor, Tensor], Tensor]  # (uint8 [S, S, 3], key [2])
POLICY_KEY = 0x5EED  # keeps a policy's draws apart from those of the crop


def steps_per_epoch(source: Source, batch_size: int) -> int:
    """Whole batches in an epoch; another few images are left out each time."""
    return len(source) // batch_size


def train_pipeline(
    source: Source,
    *,
    image_size: int,
    batch_size: int,
    seed: int = 0,
    epochs: int = 1,
    first_epoch: int = 0,
    start_step: int = 0,
    sampler: str = "uniform",
    repeat_augment: int = 0,
    policy: Policy | None = None,
    views: int = 1,
    beside: Mapping[str, Any] | None = None,
    shard: tuple[int, int] = (0, 1),
    data_service: str = "",
    **crops: Any,
) -> tf.data.Dataset:
    """Shuffled, cropped training batches of several epochs.

    Args:
        batch_size: of all shards together.
        first_epoch: the number of the first epoch, which seeds its order.
        start_step: steps of these epochs to leave out, to resume after them.
        sampler: `uniform` or `balanced` (every class equally often).
        repeat_augment: how often an image stands in its batch, if several.
        policy: what happens to the square on the host.
        views: rows of a batch for each of its images: the square without the
            policy, then others with it; one key, and so the same draws on the
            device, for all. Of a single view the policy is part.
        beside: arrays [N, ...] in the source's order, of which a batch gets the
            rows of its images.
        shard: (index, count) of the workers that share each batch.
        data_service: address of a tf.data service that does the work; batches
            are the same, but may come in another order.
        crops: how squares are cut (see `Squares`): train_crop, crop_area, ...

    Example:
        source = kerastricks.data.open_source("shapes")
        batches = train_pipeline(source, image_size=64, batch_size=32)
        inputs, labels = next(iter(batches))
    """
    squares = Squares(image_size, **crops)
    share = share_of(batch_size, shard)
    steps = steps_per_epoch(source, batch_size)
    index_at = order.create(source.labels, sampler, seed, repeat_augment)

    def places(step: Tensor) -> tuple[Tensor, Tensor]:
        """(indices [B], keys [B, 2]) of a step."""
        epoch = first_epoch + step // steps
        positions = step % steps * batch_size + tf.constant(share)
        indices = index_at(epoch, positions)
        return indices, keys(seed, epoch, positions, indices)

    def square(index: Tensor, key: Tensor) -> Tensor:
        image = squares.training(source, index, key)
        if not policy:
            return image
        image = tf.ensure_shape(image, [image_size, image_size, 3])
        if views == 1:
            return policy(image, key ^ POLICY_KEY)
        others = [
            policy(image, key ^ (POLICY_KEY + v)) for v in range(views - 1)
        ]
        return tf.stack([image, *others])

    made = tf.data.Dataset.range(start_step, epochs * steps).map(plain(places))
    batches = sampled(
        source, made, square, image_size, len(share), True, beside, views
    )
    if views > 1:
        batches = batches.map(plain(in_rows(views)), num_parallel_calls=1)
    if data_service:
        if not source.anywhere:
            raise InputError(
                "a tf.data service cannot read ArrayRecord files or cached "
                f"images. Received: data_service={data_service}"
            )
        batches = batches.apply(by_service(data_service))
    return finish(batches)


def eval_pipeline(
    source: Source,
    *,
    image_size: int,
    batch_size: int,
    shard: tuple[int, int] = (0, 1),
    **crops: Any,
) -> tf.data.Dataset:
    """Every image once, in order; the last batch holds what is left.

    Args:
        shard: (index, count) of the workers that share the images.
    """
    squares = Squares(image_size, **crops)
    index, count = shard
    first, end = (part * len(source) // count for part in (index, index + 1))

    def places(index: Tensor) -> tuple[Tensor, Tensor]:
        return index[None], tf.stack([0, tf.cast(index, tf.int32)])[None]

    def square(index: Tensor, key: Tensor) -> Tensor:
        return squares.evaluation(source, index)

    made = tf.data.Dataset.range(first, end).map(plain(places))
    return finish(sampled(source, made, square, image_size, batch_size, False))


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """For `map`, which else has AutoGraph rewrite all that is called.

    Nothing here branches on tensors in Python, and rewriting takes seconds.
    """
    return tf.autograph.experimental.do_not_convert(function)


def share_of(batch_size: int, shard: tuple[int, int]) -> Any:
    """Positions in the batch that are this worker's."""
    index, count = shard
    if batch_size % count or not 0 <= index < count:
        raise InputError(
            "batch_size must be a multiple of the number of shards, and a "
            f"shard one of them. Received: batch_size={batch_size}, "
            f"shard={shard}"
        )
    size = batch_size // count
    return tf.range(index * size, (index + 1) * size, dtype=tf.int64).numpy()


def keys(
    seed: int, epoch: Tensor, positions: Tensor, indices: Tensor
) -> Tensor:
    """int32 [B, 2]: the epoch hashed, and twice the position, plus a parity.

    The parity, 0 or 1, is an image's own by chance and turns over from epoch to
    epoch, for flips that alternate.
    """
    of_epoch = tf.random.stateless_uniform(
        [], [seed, epoch], minval=None, maxval=None, dtype=tf.int32
    )
    of_image = order.mix(order.to_uint32(indices))
    bits = order.mix(order.to_uint32(seed) + of_image)
    parity = (tf.cast(bits & 1, tf.int32) + tf.cast(epoch, tf.int32)) & 1
    second = 2 * tf.cast(positions, tf.int32) + parity
    return tf.stack([tf.fill(tf.shape(second), of_epoch), second], axis=1)


def sampled(
    source: Source,
    places: tf.data.Dataset,
    square: Callable[[Tensor, Tensor], Tensor],
    image_size: int,
    batch_size: int,
    drop_remainder: bool,
    beside: Mapping[str, Any] | None = None,
    views: int = 1,
) -> tf.data.Dataset:
    """Batches of the images at these places."""
    shape = [views] * (views > 1) + [image_size, image_size, 3]
    labels = tf.constant(source.labels)
    indices = tf.constant(source.indices)
    more = {name: tf.constant(rows) for name, rows in (beside or {}).items()}

    def sample(index: Tensor, key: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        image = square(tf.gather(indices, index), key)
        image = tf.ensure_shape(image, shape)
        rows = {name: tf.gather(more[name], index) for name in more}
        return {"image": image, "key": key} | rows, tf.gather(labels, index)

    return (
        places.unbatch()
        .map(plain(sample), num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder=drop_remainder)
    )


def in_rows(views: int) -> Callable[[Any, Tensor], tuple[Any, Tensor]]:
    """Batches whose images are [B, views, ...] -> [B * views, ...]."""

    def flat(inputs: Any, labels: Tensor) -> tuple[Any, Tensor]:
        shape = inputs["image"].shape
        images = tf.reshape(inputs["image"], [-1, *shape[2:]])
        rows = {
            name: tf.repeat(rows, views, axis=0)
            for name, rows in inputs.items()
            if name != "image"
        }
        return {"image": images} | rows, tf.repeat(labels, views, axis=0)

    return flat


def by_service(address: str) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Hands the work to a tf.data service: each step goes to one worker."""
    service = tf.data.experimental.service
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:  # TensorFlow would try for ever, and say nothing
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise InputError(
            "data_service must be HOST:PORT of the dispatcher of a running "
            f"tf.data service ({error}). Received: data_service={address}"
        ) from None
    if "://" not in address:
        address = f"grpc://{address}"
    return service.distribute(service.ShardingPolicy.DYNAMIC, address)


def finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Deterministic order, and batches ready before they are asked for."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = True
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
