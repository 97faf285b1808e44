"""Class probabilities of images of any size: block by block in threads, in bounded memory, the same as in one piece.

Two sizes of blocks. A *region* is what is read, held and written at once: some megapixels, so that memory stays small
whatever the image's size. Within a region each thread takes small *blocks*, whose features (some hundred bytes a
pixel) stay in the processor's cache between the filters that write them and the trees that read them. While one region
is computed, the one before it is written and the next one is read.

With a second stage (auto-context) the whole plane or volume goes through the first stage before the second begins; the
probabilities between them are kept in memory where they are small, else in a scratch file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from micrographia.arrays.blocks import Block, block_shape, blocks, grown, inside
from micrographia.classify.pixels.image_channels import ImageChannels
from micrographia.classify.pixels.stages import Stage
from micrographia.models.runtime import thread_count

Progress = Callable[[float], None]
Read = Callable[[Block], np.ndarray]

REGION = {2: (1024, 1024), 3: (64, 256, 256)}
"""Region of planes and volumes that are not in memory."""

BLOCK = {2: (64, 1024), 3: (16, 64, 128)}
"""Block of one thread: wide, since the rows of a halo are cheaper than its columns."""

_IN_MEMORY = 1 << 28
"""Bytes of float32 pixels, or of probabilities between two stages, that need no scratch file and no regions."""


@dataclass(frozen=True)
class Predicted:
    """Probabilities of one region.

    Attributes
    ----------
    at : tuple of int
        Position in the image's stack.
    region : tuple of slice
        Where in the plane or volume.
    probabilities : (K, …) float32 array
        They add up to 1.
    """

    at: tuple[int, ...]
    region: Block
    probabilities: np.ndarray


def predict_blocks(
    stages: Sequence[Stage],
    channels: ImageChannels,
    *,
    threads: int | None = None,
    region: Sequence[int] | None = None,
    block: Sequence[int] | None = None,
    progress: Progress = lambda done: None,
) -> Iterator[Predicted]:
    """Probabilities of every region of every plane or volume of an image.

    Parameters
    ----------
    stages : sequence of Stage
        Each but the first sees the image and the probabilities of the one before.
    channels : ImageChannels
        The channels that the stages have learned from.
    threads : int, optional
        Threads that compute blocks; all usable cores where not given.
    region, block : sequence of int, optional
        Sizes of regions and blocks; the result is the same whatever they are.
    progress : callable
        Told the share that is done.

    Yields
    ------
    Predicted
        Regions in reading order, position by position.
    """
    dimensions = len(channels.shape)
    whole = not channels.lazy and len(channels.names) * 4 * np.prod(channels.shape) <= _IN_MEMORY
    regions: tuple[int, ...] = tuple(region or (channels.shape if whole else REGION[dimensions]))
    parts: tuple[int, ...] = tuple(block or BLOCK[dimensions])
    steps = len(channels.positions) * len(stages) * int(np.prod(channels.shape))
    done = 0
    with _workers(threads) as pool:
        for at in channels.positions:
            with ExitStack() as room:
                context: Any = None
                for stage, following in zip(stages, [*stages[1:], None], strict=True):
                    read = reader(channels, at, context, stage.context)
                    if following is not None:
                        seen = following.context
                        context = room.enter_context(scratch_array((seen, *channels.shape), (seen, *regions)))
                    for where, probabilities in _regions(stage, read, channels.shape, pool, regions, parts):
                        if following is None:
                            yield Predicted(at, where, probabilities)
                        else:
                            context[(slice(None), *where)] = following.see(probabilities)
                        done += int(np.prod(block_shape(where)))
                        progress(done / steps)


def predict_whole(
    stages: Sequence[Stage],
    channels: ImageChannels,
    *,
    threads: int | None = None,
    region: Sequence[int] | None = None,
    block: Sequence[int] | None = None,
    progress: Progress = lambda done: None,
) -> np.ndarray:
    """Probabilities (K, [T,] [Z,] Y, X) of a whole image as one float32 array; arguments as `predict_blocks`."""
    result: Any = None
    for part in predict_blocks(stages, channels, threads=threads, region=region, block=block, progress=progress):
        shape = (len(part.probabilities), *channels.stack_shape, *channels.shape)
        if part.probabilities.shape == shape:
            return part.probabilities
        if result is None:
            result = np.empty(shape, np.float32)
        result[(slice(None), *part.at, *part.region)] = part.probabilities
    return result


def reader(channels: ImageChannels, at: tuple[int, ...], context: Any = None, count: int = 0) -> Read:
    """What reads windows of one position of an image: its channels, and behind them `count` maps of the context."""
    if not count:
        return lambda window: channels.read(at, window)
    return lambda window: np.concatenate([channels.read(at, window), np.asarray(context[(slice(0, count), *window)])])


def _regions(
    stage: Stage,
    read: Read,
    shape: Sequence[int],
    pool: ThreadPoolExecutor,
    region: Sequence[int],
    block: Sequence[int],
) -> Iterator[tuple[Block, np.ndarray]]:
    """Regions with their probabilities; the next one is under way while the caller uses the one before."""
    under_way: list[tuple[Block, np.ndarray, list[Future[None]]]] = []
    try:
        for where in blocks(shape, region):
            window = grown(where, stage.bank.halo, shape)
            pixels = read(window)
            out = np.empty((stage.classes, *block_shape(where)), np.float32)
            work = [
                pool.submit(_one_block, stage, pixels, window, where, part, shape, out)
                for part in blocks(block_shape(where), block)
            ]
            under_way.append((where, out, work))
            if len(under_way) > 1:
                yield _finished(*under_way.pop(0))
        while under_way:
            yield _finished(*under_way.pop(0))
    finally:
        for _, _, work in under_way:
            for future in work:
                future.cancel()


def _finished(where: Block, out: np.ndarray, work: Sequence[Future[None]]) -> tuple[Block, np.ndarray]:
    for future in work:
        future.result()
    return where, out


def _one_block(
    stage: Stage, pixels: np.ndarray, window: Block, region: Block, part: Block, shape: Sequence[int], out: np.ndarray
) -> None:
    """Predict one block of a region: `part` in coordinates of the region, `pixels` those of the window around it."""
    core = tuple(slice(r.start + p.start, r.start + p.stop) for r, p in zip(region, part, strict=True))
    seen = grown(core, stage.bank.halo, shape)
    out[(slice(None), *part)] = stage.predict(pixels[(slice(None), *inside(seen, window))], inside(core, seen))


@contextmanager
def _workers(threads: int | None) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(thread_count(threads))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def scratch_array(shape: Sequence[int], chunks: Sequence[int]) -> Iterator[Any]:
    """A float32 array of zeros until the block ends: in memory where it is small, else in a scratch file.

    Parameters
    ----------
    shape, chunks : sequence of int
        Its shape, and that of the parts it is written in.
    """
    shape = tuple(shape)
    if 4 * np.prod(shape) <= _IN_MEMORY:
        yield np.zeros(shape, np.float32)
        return
    import zarr

    with tempfile.TemporaryDirectory(prefix="micrographia-") as folder:
        chunks = tuple(min(c, n) for c, n in zip(chunks, shape, strict=True))
        yield zarr.create_array(
            store=folder, shape=shape, chunks=chunks, dtype=np.float32, compressors=None, fill_value=0
        )
