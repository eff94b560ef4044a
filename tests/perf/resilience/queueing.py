"""A server with so many places and a queue before them, played in time that is only counted."""

import heapq
import itertools
import random

from mestres_perf import Overloaded
from mestres_perf.resilience._adaptive_limit import Outcome
from perf.resilience.clocks import Clock


class Server:
    """M/M/c: calls arrive and are served at random, `capacity` at a time; the others wait in the server's queue.

    `service` is the mean time of a call in seconds. What waits longer than `patience` is dropped when its turn comes.
    """

    def __init__(self, capacity=20, service=0.1, seed=1):
        self.capacity, self.service = capacity, service
        self.chance = random.Random(seed)
        self.clock = Clock(0.0)
        self.patience = float("inf")
        self._events, self._order, self._queue, self._busy = [], itertools.count(), [], 0

    def run(self, limit, *, seconds, arrivals):
        """Offer so many calls a second to a limit; returns (calls served, what the limit was at each arrival)."""
        end = self.clock.now + seconds
        served, limits = 0, []
        self._at(self.chance.expovariate(arrivals), ("arrival",))
        while self._events and self._events[0][0] <= end:
            self.clock.now, _, event = heapq.heappop(self._events)
            if event[0] == "arrival":
                self._at(self.chance.expovariate(arrivals), event)
                limits.append(limit.limit)
                try:
                    self._queue.append(limit.acquire())
                except Overloaded:
                    continue
            else:
                self._busy -= 1
                served += event[2] is Outcome.SERVED
                limit.release(event[1], event[2])
            self._work()
        self.clock.now = end
        self._events = [event for event in self._events if event[2][0] != "arrival"]
        heapq.heapify(self._events)
        return served, limits

    def _work(self):
        while self._queue and self._busy < self.capacity:
            began = self._queue.pop(0)
            self._busy += 1
            late = self.clock.now - began > self.patience
            took = 0.0 if late else self.chance.expovariate(1 / self.service)
            self._at(took, ("end", began, Outcome.DROPPED if late else Outcome.SERVED))

    def _at(self, seconds, event):
        heapq.heappush(self._events, (self.clock.now + seconds, next(self._order), event))
