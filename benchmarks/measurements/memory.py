"""What memory the database service takes, and whether it grows."""

from __future__ import annotations

import asyncio

from benchmarks.histogram import median
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import resident_mb
from benchmarks.stage import Stage
from rosey_database import BotDatabase

RATE = 1000.0
INTERVAL_S = 1.0


async def memory(scale: Scale) -> Sample:
    """Resident memory of rosey-database after a million events, and its growth while 1,000 a second arrive.

    The database's file is there before: the start that makes one takes 11 MB more, for Alembic, until the next start.
    The million comes as fast as it is stored. Growth is the median of the last tenth of the readings, one a second,
    less that of the first tenth; the first begin when the load has run for a tenth of the time.

    It would lie if the process had given memory back just before (the first tenth is then low and growth too high), or
    if a leak needed more than minutes to show: the test of an hour is another one.
    """
    async with Stage() as stage:
        database = BotDatabase(stage.database)
        await database.connect()
        await database.close()
        service = await stage.database_service()
        burst = await stage.publisher(count=scale.memory, seed=1)
        await burst.go()
        await stage.all_stored()
        resident = resident_mb(service.pid)
        burst.nudge()
        await burst.wait()
        await burst.stop()
        settle = scale.growth / 10
        count = round(RATE * (scale.growth + settle + 1))
        publisher = await stage.publisher(count=count, rate=RATE, seed=2)
        publisher.nudge()
        await asyncio.sleep(settle)
        readings = []
        for _ in range(round(scale.growth / INTERVAL_S)):
            readings.append(resident_mb(service.pid))
            await asyncio.sleep(INTERVAL_S)
        await publisher.report()
        await stage.all_stored()
        publisher.nudge()
        await publisher.wait()
        await service.stop()
    tenth = max(len(readings) // 10, 1)
    growth = median(readings[-tenth:]) - median(readings[:tenth])
    return Sample({"rss_mb": resident, "rss_growth_mb": growth}, {"resident_mb": readings})
