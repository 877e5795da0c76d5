"""Rules of privacy that code and SQL share: levels, classifications and small cells.

SQL templates see :data:`LEVELS` as ``privacy_levels`` and :data:`SMALL_CELLS` as ``small_cells``.
"""

from __future__ import annotations

# Privacy levels, from the one that shows least to the one that shows most.
LEVELS = ("aggregate", "safe_harbor", "limited", "identified")

# The lowest level that sees a column of a feed, by the classification in the feed's contract. A
# classification that is not listed identifies people.
LOWEST_LEVEL = {
    "public": "safe_harbor",
    "state": "safe_harbor",
    "clinical": "safe_harbor",
    "financial": "safe_harbor",
    "city": "limited",
    "zipcode": "limited",
    "date": "limited",
    "birth_date": "limited",
}

# Counts of distinct patients that are suppressed: the rule of CMS for cells of its data.
SMALL_CELLS = range(1, 11)


def lowest_level(classification: str) -> str:
    """The lowest privacy level that sees a column of this classification."""
    return LOWEST_LEVEL.get(classification, "identified")
