"""How many examples the property tests draw, and from which dice.

In `make test` they are few and always the same (derandomized), so that a run is quick and a red one stays red. `HIP3_PROPERTY_EXAMPLES=N`
is the soak: N examples where a test says nothing else, the others in proportion, drawn anew each time; what fails prints how to repeat it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = "hip3-properties"
QUICK = 60
"""Examples of a property in `make test`: all of them together stay under 25 s."""

_ASKED = int(os.environ.get("HIP3_PROPERTY_EXAMPLES", "0"))
_EXAMPLES = _ASKED or QUICK

settings.register_profile(
    PROFILE,
    max_examples=_EXAMPLES,
    derandomize=not _ASKED,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    stateful_step_count=40,
)


def examples(quick: int) -> settings:
    """So many examples in `make test`, in proportion in a soak. For a property that is much slower, or much cheaper, than the others."""
    return settings(settings.get_profile(PROFILE), max_examples=max(1, quick * _EXAMPLES // QUICK))
