"""Keep committed revisions unchanged: ``python -m local.freeze`` or ``--check``.

``include/migrations/frozen.sha256`` holds the SHA-256 of every file of every revision. The command
adds new files; ``--check`` (part of ``make lint``) refuses a file that was changed or removed since it
was committed. Rewriting the list does not help: the first hash that Git's history has for a file
counts. To change a revision before it is merged, amend its commit.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "include" / "migrations"
LIST = "frozen.sha256"
NEW_REVISION = "write a new revision instead (docs/how-to/write-a-revision.md)"


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a revision in *folder*, by its path there."""
    files = [
        *folder.glob("versions/*.py"),
        *folder.rglob("sql/**/*.sql"),
        *folder.glob("releases/*.csv"),
    ]
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(set(files))
    }


def listed(text: str) -> dict[str, str]:
    """The lines ``<sha256>  <path>`` of a list, by path."""
    lines = (line.split("  ", 1) for line in text.splitlines() if line)
    return {path: digest for digest, path in lines}


def committed(folder: Path) -> dict[str, str]:
    """The first hash that the history of HEAD has for each path; empty outside a Git checkout."""
    command = ["git", "-C", str(folder), "log", "--format=", "-p", "-m", "-U0", "--", LIST]
    try:
        log = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    # Newest first: lines added by older commits replace those of newer ones.
    added = [line[1:] for line in log.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    return listed("\n".join(added))


def problems(folder: Path) -> list[str]:
    """What is wrong with the revisions in *folder*, each with what to do."""
    current = hashes(folder)
    file = folder / LIST
    known = listed(file.read_text()) if file.exists() else {}
    found = []
    for path, digest in sorted((known | committed(folder)).items()):
        if path not in current:
            found.append(f"{path} was removed and is part of a revision: restore it")
        elif current[path] != digest:
            found.append(f"{path} was changed: restore it, and {NEW_REVISION}")
        elif known.get(path) != digest:
            found.append(f"{LIST} no longer has {path} as it was committed: restore its line")
    found += [f"{path} is new: run `make freeze`" for path in current.keys() - known.keys()]
    return sorted(found)


def add_new(folder: Path) -> list[str]:
    """Add the files of *folder* that are not listed yet, and return their paths."""
    current = hashes(folder)
    file = folder / LIST
    known = listed(file.read_text()) if file.exists() else {}
    new = sorted(current.keys() - known.keys())
    both = known | {path: current[path] for path in new}
    file.write_text("".join(f"{both[path]}  {path}\n" for path in sorted(both)))
    return new


def main(arguments: Sequence[str]) -> None:
    """Add new files to the list, or with ``--check`` print what is wrong and exit with 1."""
    if list(arguments) not in ([], ["--check"]):
        raise SystemExit("usage: python -m local.freeze [--check]")
    if not arguments:
        for path in add_new(FOLDER):
            print(f"frozen: {path}")
    if wrong := problems(FOLDER):
        raise SystemExit("\n".join(f"include/migrations: {problem}" for problem in wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
