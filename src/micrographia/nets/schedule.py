"""How long and how fast a network is trained, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Parameters
    ----------
    steps : int
        Most optimiser steps.
    minutes : float
        Time budget over all sessions of a resumed training; 0 for none. With a budget the number of steps
        depends on the machine, without one the same seed gives the same network.
    batch : int
        Patches in a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate warms up over 200 steps, or the first fifth of them, and falls along a half cosine.
    last_rate : float
        Share of the learning rate that is left at the end.
    memory : float
        Of the averaged network: its weights keep this share in each step, once there were enough of them.
    every : int
        Steps between validations; checkpoints are written there.
    patience : int
        Validations without a better loss before training stops; 0 never stops early.
    seed : int
        Seed of the initial weights.
    """

    steps: int = 20000
    minutes: float = 0.0
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    last_rate: float = 0.0
    memory: float = 0.999
    every: int = 250
    patience: int = 0
    seed: int = 0


@dataclass
class History:
    """What training did: one row a validation, and the best one."""

    rows: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    minutes: float = 0.0
