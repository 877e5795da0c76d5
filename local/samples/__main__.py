"""``python -m local.samples [landing root] [seed]``: write the samples and summarize them."""

from __future__ import annotations

import sys
from pathlib import Path

from local import places, samples


def main() -> None:
    """Write the samples of every source system."""
    landing = Path(sys.argv[1]) if len(sys.argv) > 1 else places.SAMPLES
    sources, written = samples.write_all(
        landing, int(sys.argv[2]) if len(sys.argv) > 2 else samples.SEED
    )
    for source in sources:
        print(f"{source.source}: {len(source.files)} files, {len(source.planted)} planted defects")
    print(f"{written} files written to {landing}")


if __name__ == "__main__":
    main()
