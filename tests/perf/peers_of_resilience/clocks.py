"""Time for a library that takes no clock: its own modules are shown another one, and the rest of the process is not."""

import datetime as dt
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace


class Clocks:
    """What the clocks of one library show beyond the real ones, in seconds."""

    def __init__(self) -> None:
        self.passed = 0.0
        """Time that has passed, on every clock."""
        self.wall_is_off = 0.0
        """By how much the wall clock has been set forward."""

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    def perf_counter(self) -> float:
        return time.perf_counter() + self.passed

    def time(self) -> float:
        return time.time() + self.passed + self.wall_is_off

    def _stand_ins(self) -> dict[int, object]:
        clocks = self

        class Datetime(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return dt.datetime.now(tz) + dt.timedelta(seconds=clocks.passed + clocks.wall_is_off)

            @classmethod
            def utcnow(cls):
                return cls.now(dt.UTC).replace(tzinfo=None)

        clocks_of_time = {"time": self.time, "monotonic": self.monotonic, "perf_counter": self.perf_counter}
        own_time = SimpleNamespace(**{**vars(time), **clocks_of_time})
        own_datetime = SimpleNamespace(**{**vars(dt), "datetime": Datetime})
        pairs = [
            (time, own_time),
            (time.time, self.time),
            (time.monotonic, self.monotonic),
            (time.perf_counter, self.perf_counter),
            (dt, own_datetime),
            (dt.datetime, Datetime),
        ]
        return {id(real): other for real, other in pairs}


@contextmanager
def clocks_of(package: str) -> Iterator[Clocks]:
    """Every module of the package sees these clocks, however it has imported them."""
    clocks = Clocks()
    stand_ins = clocks._stand_ins()
    replaced = []
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for attribute, value in list(vars(module).items()):
                if id(value) in stand_ins:
                    replaced.append((module, attribute, value))
                    setattr(module, attribute, stand_ins[id(value)])
    try:
        yield clocks
    finally:
        for module, attribute, value in replaced:
            setattr(module, attribute, value)
