"""The colors of the pages, as Tableau takes them: told apart by color-blind people, on white."""

from __future__ import annotations

# At most four series and what is left, and one hue from little to much.
SERIES = ("#0B5FA5", "#D96A00", "#2A0E52", "#2E9C86", "#5B6470")
ACCENT = SERIES[0]
HEAT = ("#EAF2FA", "#0B4A82")
