"""Claimhouse: a claims warehouse, a room for each stage a claim passes through.

In the order of a claim: :mod:`contracts` (what a feed must look like), :mod:`landing`,
:mod:`reading`, :mod:`verification`, :mod:`checks`, :mod:`star`, :mod:`metrics`, :mod:`reporting`,
:mod:`delivery`. :mod:`ingest` runs landing to star. The docstring of a room says what comes in, what
goes out and what the room may not know.
"""

__version__ = "0.2.0.dev0"
