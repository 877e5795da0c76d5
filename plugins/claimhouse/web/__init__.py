"""What all pages share: the walls around each request, the layout, its style sheet and scripts."""

from claimhouse.web.layout import page
from claimhouse.web.walls import Walls

__all__ = ["Walls", "page"]
