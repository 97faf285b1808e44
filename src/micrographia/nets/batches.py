"""Batches of patches, in the order in which a training asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytorch_lightning as pl
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from micrographia.nets.schedule import Schedule


class _Batches:
    """Batches of patches, made ahead by a thread: the kernels release the GIL, and nothing has to be pickled."""

    def __init__(self, patches: Dataset, batch: int, ahead: int = 4) -> None:
        self.patches, self.batch, self.ahead = patches, batch, ahead

    def __len__(self) -> int:
        return len(self.patches) // self.batch  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        waiting: deque[Future[dict[str, Tensor]]] = deque()
        with ThreadPoolExecutor(1) as pool:
            try:
                for number in range(len(self)):
                    waiting.append(pool.submit(self._make, number))
                    if len(waiting) > self.ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _make(self, number: int) -> dict[str, Tensor]:
        first = number * self.batch
        return default_collate([self.patches[i] for i in range(first, first + self.batch)])


class Rounds(pl.LightningDataModule):
    """Step s trains on patches s·batch … (s+1)·batch, so a resumed training goes on where it stopped."""

    def __init__(self, patches: Callable[[range], Dataset], validation: Sequence[dict], schedule: Schedule) -> None:
        super().__init__()
        self.patches, self.validation, self.schedule = patches, validation, schedule

    def train_dataloader(self) -> _Batches:
        count = self.schedule.every * self.schedule.batch
        step = int(self.trainer.lightning_module.step)  # type: ignore[union-attr,arg-type]
        patches = self.patches(range(step * self.schedule.batch, step * self.schedule.batch + count))
        return _Batches(patches, self.schedule.batch)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.validation, batch_size=1)  # type: ignore[arg-type]
