"""What all pages share: the walls around each request, tokens of forms, layout, style sheet and scripts."""

from claimhouse.web.forms import FIELD, HEADER, Tokens
from claimhouse.web.layout import STATIC, page, static_files
from claimhouse.web.walls import SAFE_METHODS, Walls

__all__ = ["FIELD", "HEADER", "SAFE_METHODS", "STATIC", "Tokens", "Walls", "page", "static_files"]
