"""What all pages share: the walls around each request, tokens of forms, layout, style sheet and scripts."""

from claimhouse.web.forms import FIELD, HEADER, Tokens
from claimhouse.web.layout import FONTS, page, static_files, static_path
from claimhouse.web.walls import SAFE_METHODS, Application, Walls

__all__ = [
    "FIELD",
    "FONTS",
    "HEADER",
    "SAFE_METHODS",
    "Application",
    "Tokens",
    "Walls",
    "page",
    "static_files",
    "static_path",
]
