"""What users test with: docs/testing.md.

Nothing here needs pytest, except `mestres_core.testing.fixtures`, which is a plugin of it.
"""

from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix, signed_event
from mestres_core.testing.clock import FakeClock
from mestres_core.testing.conformance import (
    check_allocator,
    check_merge_policy,
    check_rounding,
    check_shipping_rater,
    check_tax_calculator,
)
from mestres_core.testing.factories import ADDRESS, CUSTOMER, Factory
from mestres_core.testing.ids import SequentialIds
from mestres_core.testing.providers import check_provider
from mestres_core.testing.races import Outcome, Pause, pause_before, race
from mestres_core.testing.shops import SECRET, memory_shop, rolled_back

__all__ = [
    "ADDRESS",
    "CUSTOMER",
    "SECRET",
    "Factory",
    "FakeBoleto",
    "FakeCard",
    "FakeClock",
    "FakePix",
    "Outcome",
    "Pause",
    "SequentialIds",
    "check_allocator",
    "check_merge_policy",
    "check_provider",
    "check_rounding",
    "check_shipping_rater",
    "check_tax_calculator",
    "memory_shop",
    "pause_before",
    "race",
    "rolled_back",
    "signed_event",
]
