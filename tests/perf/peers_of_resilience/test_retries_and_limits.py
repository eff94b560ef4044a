"""What other libraries do where this one does otherwise, observed: when one of these fails, a peer has changed."""

import limits
import limits.storage
import limits.strategies
import pytest
import stamina
import tenacity

from mestres_perf import RateLimit, Redis, Retry, deadline
from perf.resilience.clocks import Clock

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.mark.scenario("T2")
def test_layers_of_tenacity_multiply():
    """Three layers of three attempts are 27 calls with tenacity, and three with Retry."""
    calls = []

    def fail():
        calls.append(1)
        raise OSError

    def layers(decorate):
        function = fail
        for _ in range(3):
            function = decorate(function)
        calls.clear()
        with pytest.raises(OSError):
            function()
        return len(calls)

    assert layers(tenacity.retry(stop=tenacity.stop_after_attempt(3), reraise=True)) == 27
    assert layers(Retry(3, on=OSError, backoff=0)) == 3


@pytest.mark.scenario("T1")
def test_an_attempt_of_stamina_is_not_told_the_timeout():
    """`timeout` of stamina is looked at between attempts only; with a deadline the attempt knows what is left."""
    clock, seen = Clock(), []

    @stamina.retry(on=OSError, attempts=2, timeout=0.2, wait_initial=0, wait_max=0, wait_jitter=0)
    def attempt():
        seen.append(deadline.remaining())

    attempt()
    with deadline(0.2, clock=clock):
        Retry(2, on=OSError).call(lambda: seen.append(deadline.remaining()))
    assert seen == [None, pytest.approx(0.2)]


@pytest.mark.scenario("R1")
def test_limits_raises_what_redis_raises():
    """A Redis that is away reaches the caller of limits as an exception; RateLimit goes on with its share."""
    item = limits.parse("10/second")
    with pytest.raises(Exception, match=r"[Cc]onnect"):
        limits.strategies.FixedWindowRateLimiter(limits.storage.storage_from_string(NOWHERE)).hit(item, "k")
    assert RateLimit("10/s", redis=Redis(NOWHERE), workers=2).acquire("k") == 0.0
