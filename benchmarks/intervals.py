"""How sure a figure is: 95 % intervals that do not take neighbours for independent.

Latencies of one second resemble each other more than those of another second or of another run, so the usual interval
of a mean is far too narrow. Here whole blocks are drawn again, or whole runs are compared.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import Final

Interval = tuple[float, float]

_REPETITIONS: Final = 300
_BLOCKS_OF_A_ROUND: Final = 5
_SEED: Final = 1
_T: Final = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""Student's t for 95 %, by degrees of freedom; 1.96 beyond is near enough."""


def of_samples(rounds: Sequence[Sequence[float]], statistic: Callable[[list[float]], float]) -> Interval | None:
    """The interval of a statistic of many samples: each round is cut into blocks, and blocks are drawn with return.

    Args:
        rounds: the samples of each round, in the order in which they were taken.
        statistic: mean, median or percentile of a list.

    Returns:
        Lower and upper end; ``None`` for fewer than four samples.
    """
    blocks = [block for samples in rounds for block in _blocks(samples)]
    if sum(map(len, blocks)) < 4:
        return None
    chance = random.Random(_SEED)
    found = sorted(
        statistic([sample for block in chance.choices(blocks, k=len(blocks)) for sample in block])
        for _ in range(_REPETITIONS)
    )
    return found[round(0.025 * _REPETITIONS)], found[round(0.975 * _REPETITIONS) - 1]


def of_runs(values: Sequence[float]) -> Interval | None:
    """The interval of the mean of several runs, by Student's t; ``None`` for one run, or an infinite value."""
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    mean = statistics.fmean(values)
    half = _T.get(len(values) - 1, 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - half, mean + half


def _blocks(samples: Sequence[float]) -> list[Sequence[float]]:
    size = max(math.ceil(len(samples) / _BLOCKS_OF_A_ROUND), 1)
    return [samples[begin : begin + size] for begin in range(0, len(samples), size)]
