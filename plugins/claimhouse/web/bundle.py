"""The script that draws charts in a browser, made at set-up: ``python -m claimhouse.web.bundle``.

Vega, Vega-Lite and vega-embed come out of the pinned package ``vl-convert-python``; nothing is fetched, and no
file of another project is committed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from claimhouse.web.layout import MADE

NAME = "vega.js"
# Of those that the package has; what a server draws is of the same.
VEGA_LITE = "6.4"


def make() -> None:
    """Write the script, as a whole or not at all."""
    import vl_convert  # late: it takes long

    text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    MADE.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=MADE, delete=False, encoding="utf-8") as file:
        file.write(text)
    made = Path(file.name)
    made.chmod(0o644)
    made.replace(MADE / NAME)


if __name__ == "__main__":
    make()
