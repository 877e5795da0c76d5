"""A delivery in its own process that is killed at a checkpoint; preloaded to start fast."""

from __future__ import annotations

import os
from datetime import datetime

from claimhouse import delivery
from claimhouse.delivery import outbox


def main(environment, step, count, subscription, now):
    """Prepare and send; kill this process with signal 9 at the *count*-th *step*."""
    os.environ.update(environment)
    left = count

    def checkpoint(name):
        nonlocal left
        if name == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), 9)

    outbox.checkpoint = checkpoint
    delivery.prepare(subscription, datetime.fromisoformat(now))
    delivery.send(subscription)
