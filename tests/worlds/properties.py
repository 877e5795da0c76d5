"""How many examples a property test draws."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))


def examples(count: int, **more: Any) -> settings:
    """Draw *count* examples, or ``FUZZ_FACTOR`` times as many; *more* goes to hypothesis."""
    return settings(max_examples=count * FACTOR, deadline=None, **more)
