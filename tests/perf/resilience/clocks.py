"""Time that passes only when a test says so, for parts that wait and parts that measure."""


class Clock:
    """Seconds; sleeping moves them on at once and is written down."""

    def __init__(self, now=1000.0):
        self.now = now
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds):
        self.sleep(seconds)
