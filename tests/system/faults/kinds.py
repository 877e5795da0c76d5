"""The kinds of fault: each does something to one stage of a day, at a moment drawn at random."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from tests.system.faults.day import Fault
from tests.system.faults.stages import Running, Stage
from tests.system.faults.world import World

DATABASE_STAGES = (
    "land", "verify", "check", "load_dimensions", "load_fact", "check_star", "finish", "publish",
    "prepare", "send",
)  # fmt: skip


@dataclass
class Drawn(Fault):
    """A fault whose moment and details are drawn.

    Attributes:
        seconds: how long its stage took undisturbed.
        rng: draws what is left to draw.
    """

    seconds: float = 0.0
    rng: random.Random = field(default_factory=random.Random)
    threads: list[threading.Thread] = field(default_factory=list)

    def wait(self) -> None:
        """Wait for a moment of the stage, the beginning and the end included."""
        time.sleep(self.rng.uniform(0.0, 1.1) * self.seconds)

    def later(self, act: Callable[[], None]) -> None:
        """Call *act* at a moment of the stage."""

        def wait_and_act() -> None:
            self.wait()
            act()

        thread = threading.Thread(target=wait_and_act)
        thread.start()
        self.threads.append(thread)

    def after(self, world: World, stage: Stage) -> None:
        """Wait until what was begun is done."""
        for thread in self.threads:
            thread.join()


class StageKilled(Drawn):
    """The stage's process is killed."""

    def during(self, world: World, running: Running) -> None:
        """Kill it."""

        def kill() -> None:
            if running.process.exitcode is None:
                self.hit.append("killed")
            running.process.kill()

        self.later(kill)


class ChildKilled(Drawn):
    """A process that the stage has started is killed, such as the one that reads a file."""

    def during(self, world: World, running: Running) -> None:
        """Kill the first that is there from a moment on."""

        def kill() -> None:
            while running.process.exitcode is None:
                with contextlib.suppress(psutil.Error, IndexError):
                    psutil.Process(running.pid).children(recursive=True)[0].kill()
                    self.hit.append("killed")
                    return
                time.sleep(0.005)

        self.later(kill)


class ServerKilled(Drawn):
    """Postgres is killed with all its processes, and started again."""

    def during(self, world: World, running: Running) -> None:
        """Kill it."""

        def kill() -> None:
            self.hit.append("killed")
            world.server.kill()
            world.server.restart()

        self.later(kill)


class BackendKilled(Drawn):
    """One process of Postgres is killed; the server ends all sessions and recovers."""

    def during(self, world: World, running: Running) -> None:
        """Kill it."""

        def kill() -> None:
            self.hit.append("killed")
            world.server.kill_one_process(self.rng)

        self.later(kill)

    def after(self, world: World, stage: Stage) -> None:
        """Wait until the server has recovered."""
        super().after(world, stage)
        world.server.restart()


class SessionEnded(Drawn):
    """The stage's sessions are ended by an administrator, or by a network that failed."""

    def during(self, world: World, running: Running) -> None:
        """End them."""

        def end() -> None:
            with psycopg.connect(world.server.address, autocommit=True) as connection:
                ended = connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = %s and application_name like 'claimhouse%%'",
                    (world.database,),
                ).fetchall()
            self.hit += ["ended"] * bool(ended)

        self.later(end)


class MailServerKilled(Drawn):
    """The mail server is killed: when greeted, before it keeps a mail, or before it says so."""

    def start(self, world: World, stage: Stage) -> Running:
        """Tell it when to die."""
        moment = self.rng.choice(("connect", "before", "after"))
        self.hit.append(moment)
        (world.folder / "mail" / "die").write_text(moment)
        return world.start(stage)

    def after(self, world: World, stage: Stage) -> None:
        """Start it again."""
        (world.folder / "mail" / "die").unlink(missing_ok=True)
        world.start_mail()
        world.await_mail()


class Twice(Drawn):
    """The stage is run again after it has ended."""

    def after(self, world: World, stage: Stage) -> None:
        """Run it again."""
        self.hit.append("again")
        world.start(stage).end()


class TwiceAtOnce(Drawn):
    """The stage is started again while it runs."""

    def during(self, world: World, running: Running) -> None:
        """Start it again."""

        def start() -> None:
            self.hit += ["overlapped"] * (running.process.exitcode is None)
            world.start(running.stage).end()

        self.later(start)


class TwiceAndKilled(Drawn):
    """The stage is started again while it runs, and one of the two is killed."""

    def during(self, world: World, running: Running) -> None:
        """Start it again, and kill one."""

        def start() -> None:
            second = world.start(running.stage)
            self.wait()
            killed = self.rng.choice((running, second))
            if killed.process.exitcode is None:
                self.hit.append("killed")
                killed.process.kill()
            second.end()

        self.later(start)


class SmallDiskFull(Drawn):
    """The disk of the archive and the extracts is full while the stage runs."""

    def start(self, world: World, stage: Stage) -> Running:
        """Leave a few kilobytes."""
        left = self.rng.randrange(0, 40_000)
        self.hit.append(f"{left} bytes left")
        if not world.server.has_disks:
            return world.start(stage, file_bytes=left)
        fill(world.server.small_disk, left)
        return world.start(stage)

    def after(self, world: World, stage: Stage) -> None:
        """Make room."""
        (world.server.small_disk / "filler").unlink(missing_ok=True)


class WarehouseDiskFull(Drawn):
    """The disk of the warehouse fills while the stage runs."""

    def during(self, world: World, running: Running) -> None:
        """Fill it."""

        def fill_disk() -> None:
            left = self.rng.choice((0, 8192, 100_000, 1_000_000))
            self.hit.append(f"{left} bytes left")
            fill(world.server.disk, left)

        self.later(fill_disk)

    def after(self, world: World, stage: Stage) -> None:
        """Make room, and start the server again if it gave up."""
        super().after(world, stage)
        (world.server.disk / "filler").unlink(missing_ok=True)
        world.server.restart()


class ArchiveDamaged(Drawn):
    """The archived file is cut, changed, lengthened or gone before it is verified."""

    def start(self, world: World, stage: Stage) -> Running:
        """Damage it."""
        with psycopg.connect(world.url) as connection:
            row = connection.execute(
                "select archive_path from landing.file inner join landing.batch using (file_id)"
                " where batch_id = %s",
                stage.arguments,
            ).fetchone()
        assert row is not None
        file = Path(row[0].removeprefix("file://"))
        self.hit.append(damage(file, self.rng))
        return world.start(stage)


def damage(file: Path, rng: random.Random) -> str:
    """Damage *file* in one of four ways, and say which."""
    content = file.read_bytes()
    way = rng.choice(("cut", "changed", "lengthened", "gone"))
    at = rng.randrange(len(content))
    file.chmod(0o600)
    if way == "cut":
        file.write_bytes(content[:at])
    elif way == "changed":
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    elif way == "lengthened":
        file.write_bytes(content + content[at:])
    else:
        file.unlink()
    return way


def fill(disk: Path, left: int) -> None:
    """Fill *disk* but for *left* bytes."""
    with (disk / "filler").open("wb") as file, contextlib.suppress(OSError):
        while (room := _room(disk)) > left:
            # Allocated, not written: it takes no time.
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), max(room - left, 1))
            file.seek(0, os.SEEK_END)


def _room(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: in the table.
        make: the fault's class.
        stages: the stages it may be done to.
        needs_disks: whether a disk of its own must have been mounted.
    """

    name: str
    make: type[Drawn]
    stages: tuple[str, ...] = DATABASE_STAGES
    needs_disks: bool = False


KINDS = (
    Kind("stage killed", StageKilled),
    Kind("reading process killed", ChildKilled, ("land", "verify")),
    Kind("Postgres killed", ServerKilled),
    Kind("a process of Postgres killed", BackendKilled),
    Kind("sessions ended", SessionEnded),
    Kind("mail server killed", MailServerKilled, ("send",)),
    Kind("sender killed", StageKilled, ("prepare", "send")),
    Kind("stage run twice", Twice),
    Kind("stage run twice at once", TwiceAtOnce),
    Kind("twice at once, one killed", TwiceAndKilled),
    Kind("land twice at once, one killed", TwiceAndKilled, ("land",)),
    Kind("disk of archive and extracts full", SmallDiskFull, ("land", "prepare")),
    Kind("disk of the warehouse full", WarehouseDiskFull, needs_disks=True),
    Kind("archive damaged", ArchiveDamaged, ("verify",)),
)
