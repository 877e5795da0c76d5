"""``python -m local.samples [landing root] [seed]``: write the samples and say what they hold."""

from __future__ import annotations

import sys
from pathlib import Path

from local import places, samples


def main() -> None:
    """Write the samples of every source."""
    landing = Path(sys.argv[1]) if len(sys.argv) > 1 else places.SAMPLES
    made, written = samples.write_all(
        landing, int(sys.argv[2]) if len(sys.argv) > 2 else samples.SEED
    )
    for one in made:
        print(f"{one.source}: {len(one.files)} files, {len(one.planted)} planted defects")
    print(f"under {landing} ({written} files written)")


if __name__ == "__main__":
    main()
