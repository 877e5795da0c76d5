"""The text of a PDF, read from its content streams through the tables by which its fonts say what they show."""

from __future__ import annotations

import io
import re

import pikepdf

_SECTION = re.compile(rb"beginbf(char|range)(.*?)endbf", re.S)


def text_of(content: bytes) -> str:
    """All text, piece after piece, without places at which a line may break."""
    with pikepdf.open(io.BytesIO(content)) as document:
        pieces = [piece for page in document.pages for piece in _pieces(page)]
    return " ".join("".join(pieces).replace("\N{ZERO WIDTH SPACE}", "").split())


def _pieces(page: pikepdf.Page) -> list[str]:
    fonts = {
        name: _shown_by(font.ToUnicode.read_bytes())
        for name, font in page.resources.get("/Font", {}).items()
    }
    pieces, shown = [], {}
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) == "Tf":
            shown = fonts[str(operands[0])]
        elif str(operator) in ("Tj", "TJ"):
            parts = operands[0] if str(operator) == "TJ" else operands
            for part in parts:
                if isinstance(part, pikepdf.String):
                    codes = bytes(part)
                    pairs = [codes[at : at + 2] for at in range(0, len(codes), 2)]
                    pieces += [shown.get(pair, "?") for pair in pairs]
        elif str(operator) in ("ET", "Td", "Tm"):
            pieces.append(" ")
    return pieces


def _shown_by(table: bytes) -> dict[bytes, str]:
    """What each code of a font shows."""
    shown: dict[bytes, str] = {}
    for kind, section in _SECTION.findall(table):
        codes = [bytes.fromhex(text.decode()) for text in re.findall(rb"<([0-9a-fA-F]+)>", section)]
        step = 2 if kind == b"char" else 3
        for at in range(0, len(codes) - step + 1, step):
            first, last, text = codes[at], codes[at + step - 2], codes[at + step - 1]
            for code in range(int.from_bytes(first, "big"), int.from_bytes(last, "big") + 1):
                offset = code - int.from_bytes(first, "big")
                last_unit = (int.from_bytes(text[-2:], "big") + offset).to_bytes(2, "big")
                shown[code.to_bytes(2, "big")] = (text[:-2] + last_unit).decode("utf-16-be")
    return shown
