"""In DBOS's place, inside one event loop: for tests of everything around it, since DBOS is one a process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.duties import Clock, Duty, Look, wait_until


class FakeEngine:
    """Repeats looks until they are over; forgets everything when it stops. `failures` counts looks that broke."""

    def __init__(self, clock: Clock, *, tick: float = 0.05) -> None:
        self.clock, self.tick, self.failures = clock, tick, 0
        self._looks: Mapping[str, Look] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._over: set[str] = set()

    async def start(self, looks: Mapping[str, Look]) -> None:
        self._looks = looks

    async def begin(self, duty: Duty) -> None:
        if duty.id not in self._at_work and duty.id not in self._over:
            self._at_work[duty.id] = asyncio.create_task(self._work(duty), name=duty.id)

    async def tidy(self) -> None:
        pass

    async def stop(self) -> None:
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, duty: Duty) -> None:
        try:
            looked = self.clock()
            while (again := await self._looks[duty.kind](*duty.args)) is not None:
                await wait_until(again, self.clock, looked=looked, tick=self.tick)
                looked = self.clock()
            if duty.once:
                self._over.add(duty.id)
        except Exception:
            self.failures += 1
            await asyncio.sleep(self.tick)
        finally:
            self._at_work.pop(duty.id, None)
