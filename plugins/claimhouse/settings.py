"""Every setting of Claimhouse, read from the environment in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

Network = IPv4Network | IPv6Network

PROJECT = Path(os.environ.get("CLAIMHOUSE_HOME", Path(__file__).resolve().parents[2]))
INCLUDE = PROJECT / "include"
CODE = Path(__file__).parent

WAREHOUSE_CONNECTION = "claimhouse_warehouse"
LANDING_CONNECTION = "claimhouse_landing"
MAIL_CONNECTION = "claimhouse_mail"
JOURNAL_CONNECTION = "claimhouse_journal"
PSEUDONYM_CONNECTION = "claimhouse_pseudonym"
PORTAL_CONNECTION = "claimhouse_portal"
OIDC_CONNECTION = "claimhouse_oidc"

# The queues of tasks whose Celery workers have other secrets than those that load.
PUBLISH_QUEUE = "publish"
DELIVER_QUEUE = "deliver"


def landing_root() -> str:
    """The URL of the landing root: feeds arrive as ``<root>/<source>/<file>``."""
    return os.environ.get("CLAIMHOUSE_LANDING_ROOT", f"file://{PROJECT}/var/landing")


def archive_root() -> str:
    """The URL below which every landed file is kept, unchanged."""
    return os.environ.get("CLAIMHOUSE_ARCHIVE_ROOT", f"{landing_root()}/archive")


def corrections_root() -> str:
    """The URL below which a reviewer's corrected rows are written, to be landed like any file."""
    return os.environ.get("CLAIMHOUSE_CORRECTIONS_ROOT", f"{landing_root()}/corrections")


# The folder of the landing root where uploads wait until somebody processes them; of no source system.
UPLOADS = "_uploads"


def upload_bytes() -> int:
    """How many bytes a file may have that is uploaded on the pages."""
    return int(os.environ.get("CLAIMHOUSE_UPLOAD_MIB", "2048")) * 1024 * 1024


def settle_seconds() -> float:
    """How many seconds a file must be unchanged before it is landed."""
    return float(os.environ.get("CLAIMHOUSE_SETTLE_SECONDS", "2"))


def block_bytes() -> int:
    """How many bytes of a file are verified at a time; this bounds the memory a file takes."""
    return int(os.environ.get("CLAIMHOUSE_BLOCK_MIB", "8")) * 1024 * 1024


def fiscal_year_starts() -> int:
    """The month, 1 to 12, in which the fiscal year starts; by default October, as the US government's.

    Raises:
        ValueError: the setting is not a month.
    """
    month = int(os.environ.get("CLAIMHOUSE_FISCAL_YEAR_STARTS", "10"))
    if month not in range(1, 13):
        raise ValueError(f"CLAIMHOUSE_FISCAL_YEAR_STARTS must be a month, 1 to 12, not {month}")
    return month


def cache_folder() -> Path:
    """Where processes of one account keep what they would work out again; no data, and no harm if it goes."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "claimhouse"


def extract_folder() -> Path:
    """The folder of finished, encrypted extracts that are not yet sent."""
    return Path(os.environ.get("CLAIMHOUSE_EXTRACT_FOLDER", PROJECT / "var" / "extracts"))


def owner_address() -> str:
    """The address that is notified when a run fails."""
    return os.environ.get("CLAIMHOUSE_OWNER_EMAIL", "data-engineering@claimhouse.example")


def attachment_bytes() -> int:
    """The size, in bytes, from which an extract is sent as a link instead of an attachment."""
    return int(float(os.environ.get("CLAIMHOUSE_ATTACHMENT_MIB", "10")) * 1024 * 1024)


def link_store() -> str:
    """Where extracts are put for download: ``s3://<connection>@<bucket>/<prefix>``; empty for nowhere."""
    return os.environ.get("CLAIMHOUSE_LINK_STORE", "")


def link_hours() -> float:
    """How many hours a link to an extract is valid; at most 168."""
    return float(os.environ.get("CLAIMHOUSE_LINK_HOURS", "72"))


def link_encryption() -> str:
    """The server-side encryption of extracts in the bucket: ``AES256`` or ``aws:kms``."""
    return os.environ.get("CLAIMHOUSE_LINK_ENCRYPTION", "AES256")


def link_kms_key() -> str:
    """The key for ``aws:kms``; empty for the default key of the account."""
    return os.environ.get("CLAIMHOUSE_LINK_KMS", "")


def extract_connection(client: str) -> str:
    """The Airflow connection that has the password of a client's extracts."""
    return f"claimhouse_extract_{client}"


def mail_attempts() -> int:
    """After how many attempts that the mail server answered a mail it did not take has failed."""
    return max(1, int(os.environ.get("CLAIMHOUSE_MAIL_ATTEMPTS", "10")))


def reminder_hours() -> float:
    """After how many hours the owner is mailed again about what still needs a person."""
    return float(os.environ.get("CLAIMHOUSE_REMINDER_HOURS", "24"))


def journal_minutes() -> float:
    """After how many minutes a mail that is not in the journal counts as not accepted."""
    return float(os.environ.get("CLAIMHOUSE_JOURNAL_MINUTES", "15"))


def refresh_minutes() -> float:
    """After how many minutes loading and publishing count as failed."""
    return float(os.environ.get("CLAIMHOUSE_REFRESH_MINUTES", "60"))


def reader_memory_bytes() -> int:
    """How much memory the process that opens a file may take, beyond what it starts with."""
    return int(os.environ.get("CLAIMHOUSE_READER_MEMORY_MIB", "2048")) * 1024 * 1024


def reader_seconds(file_bytes: int) -> float:
    """How many seconds of processor time a file of this size may take to be read.

    The setting, and a second for each MiB.
    """
    return float(os.environ.get("CLAIMHOUSE_READER_SECONDS", "120")) + file_bytes / 1024 / 1024


def reader_unpacked_bytes() -> int:
    """How many bytes a compressed file may unpack to."""
    return int(os.environ.get("CLAIMHOUSE_READER_UNPACKED_MIB", "4096")) * 1024 * 1024


@dataclass(frozen=True)
class SessionLimits:
    """What a session of a reader may take, in seconds and MiB, and how many of them a login may have.

    Attributes:
        blocking_seconds: how long others wait for a reader's lock before its session is ended.
        connections: of each person's login; Tableau's shared login has *tableau_connections*.
    """

    statement_seconds: float
    transaction_seconds: float
    idle_transaction_seconds: float
    idle_seconds: float
    lock_seconds: float
    blocking_seconds: float
    temporary_mib: int
    work_mem_mib: int
    connections: int
    tableau_connections: int

    def stored(self) -> dict[str, str]:
        """The settings of PostgreSQL that are stored for each login."""
        return {
            "statement_timeout": f"{self.statement_seconds * 1000:.0f}ms",
            "transaction_timeout": f"{self.transaction_seconds * 1000:.0f}ms",
            "idle_in_transaction_session_timeout": f"{self.idle_transaction_seconds * 1000:.0f}ms",
            "idle_session_timeout": f"{self.idle_seconds * 1000:.0f}ms",
            "lock_timeout": f"{self.lock_seconds * 1000:.0f}ms",
            "temp_file_limit": f"{self.temporary_mib}MB",
            "work_mem": f"{self.work_mem_mib}MB",
        }


def session_limits() -> SessionLimits:
    """The limits of readers' sessions."""
    return SessionLimits(
        statement_seconds=float(os.environ.get("CLAIMHOUSE_SESSION_STATEMENT_SECONDS", "300")),
        transaction_seconds=float(os.environ.get("CLAIMHOUSE_SESSION_TRANSACTION_SECONDS", "900")),
        idle_transaction_seconds=float(
            os.environ.get("CLAIMHOUSE_SESSION_IDLE_TRANSACTION_SECONDS", "300")
        ),
        idle_seconds=float(os.environ.get("CLAIMHOUSE_SESSION_IDLE_SECONDS", "7200")),
        lock_seconds=float(os.environ.get("CLAIMHOUSE_SESSION_LOCK_SECONDS", "10")),
        blocking_seconds=float(os.environ.get("CLAIMHOUSE_SESSION_BLOCKING_SECONDS", "2")),
        temporary_mib=int(os.environ.get("CLAIMHOUSE_SESSION_TEMPORARY_MIB", "2048")),
        work_mem_mib=int(os.environ.get("CLAIMHOUSE_SESSION_WORK_MEM_MIB", "64")),
        connections=int(os.environ.get("CLAIMHOUSE_SESSION_CONNECTIONS", "5")),
        tableau_connections=int(os.environ.get("CLAIMHOUSE_SESSION_TABLEAU_CONNECTIONS", "50")),
    )


def editions() -> int:
    """How many editions of a report can be read again."""
    return int(os.environ.get("CLAIMHOUSE_EDITIONS", "35"))


def masks_phi() -> bool:
    """Whether pages mask names, addresses, numbers of persons and birth dates until a person asks for a record.

    Anything but ``false`` masks.
    """
    return os.environ.get("CLAIMHOUSE_MASK_PHI", "true").strip().lower() != "false"


def dashboard_seconds() -> float:
    """How many seconds a statement of a dashboard may take."""
    return float(os.environ.get("CLAIMHOUSE_DASHBOARD_SECONDS", "15"))


def dashboard_connections() -> int:
    """How many sessions in the warehouse a process may have that shows dashboards."""
    return max(1, int(os.environ.get("CLAIMHOUSE_DASHBOARD_CONNECTIONS", "8")))


def portal_address() -> str:
    """The address of the portal as people see it, without a path."""
    return os.environ.get("CLAIMHOUSE_PORTAL_ADDRESS", "http://localhost:8090").rstrip("/")


def portal_idle_minutes() -> float:
    """After how many minutes without a request a session of the portal ends."""
    return float(os.environ.get("CLAIMHOUSE_PORTAL_IDLE_MINUTES", "30"))


def portal_session_hours() -> float:
    """After how many hours a session of the portal ends, however much it is used."""
    return float(os.environ.get("CLAIMHOUSE_PORTAL_SESSION_HOURS", "12"))


def portal_sign_ins_per_minute() -> int:
    """How many times a minute an address may try to sign in to the portal; 0: as often as it likes."""
    return max(0, int(os.environ.get("CLAIMHOUSE_PORTAL_SIGN_INS_PER_MINUTE", "30")))


def portal_requests_per_minute() -> int:
    """How many requests a minute the portal answers an address; 0: as many as it likes."""
    return max(0, int(os.environ.get("CLAIMHOUSE_PORTAL_REQUESTS_PER_MINUTE", "600")))


def portal_proxies() -> tuple[Network, ...]:
    """The addresses or networks of proxies whose ``X-Forwarded-For`` the portal believes; none by default.

    Raises:
        ValueError: one is neither.
    """
    listed = os.environ.get("CLAIMHOUSE_PORTAL_PROXIES", "").split(",")
    return tuple(ip_network(entry.strip()) for entry in listed if entry.strip())


def has_local_accounts() -> bool:
    """Whether people may sign in to the portal with a password. Anything but ``true`` does not let them."""
    return os.environ.get("CLAIMHOUSE_PORTAL_LOCAL_ACCOUNTS", "true").strip().lower() == "true"


@dataclass(frozen=True)
class Provider:
    """The OpenID Connect provider that signs people in.

    Attributes:
        issuer: its address, as its tokens say it.
        client: the id of the portal there; its secret is in the connection :data:`OIDC_CONNECTION`.
        claim: of its tokens, which names the person.
    """

    issuer: str
    client: str
    claim: str


def portal_provider() -> Provider | None:
    """The provider that signs people in; None where none is set."""
    issuer = os.environ.get("CLAIMHOUSE_PORTAL_OIDC_ISSUER", "").strip()
    client = os.environ.get("CLAIMHOUSE_PORTAL_OIDC_CLIENT", "").strip()
    claim = os.environ.get("CLAIMHOUSE_PORTAL_OIDC_CLAIM", "").strip() or "email"
    return Provider(issuer, client, claim) if issuer and client else None
