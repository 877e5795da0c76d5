"""Claimhouse: a claims warehouse, one module for each stage a claim passes through.

Read in this order: :mod:`contract` (what a feed must look like), :mod:`landing`,
:mod:`reading`, :mod:`verification`, :mod:`source`, :mod:`checks`, :mod:`star`,
:mod:`reporting`, :mod:`delivery`. :mod:`ingest` runs landing to star in order.
"""

__version__ = "0.1.0"
