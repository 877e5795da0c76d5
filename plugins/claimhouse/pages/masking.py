"""Which values pages mask until a person asks for a record, and the proof that this person has.

Names, addresses, numbers of persons and birth dates are masked, by the classification of each column in its
contract, and so is what is in no contract. What a person asks for is in the access log before it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from airflow.configuration import conf
from itsdangerous import BadData, URLSafeTimedSerializer

from claimhouse import settings
from claimhouse.contracts import Contract
from claimhouse.pages.rights import Person

# Classifications of a contract, see claimhouse.contracts.CLASSIFICATIONS.
MASKED = {"identifier", "name", "street", "city", "zipcode", "birth_date", "free_text"}
# What our own queries say of a row, and no contract does.
PLAIN = {"row_number", "failing_rows"}
SHOWN_SECONDS = 15 * 60


@dataclass(frozen=True)
class Value:
    """A value as a page shows it: its text, or that it is masked."""

    text: str
    is_masked: bool = False


MASK = Value("masked", is_masked=True)


class Mask:
    """What is masked for one person on one page.

    Args:
        is_lifted: whether the person has asked for the record.
    """

    def __init__(self, *, is_lifted: bool = False) -> None:
        self.is_on = settings.masks_phi() and not is_lifted

    def covers(self, contract: Contract | None, names: Iterable[str]) -> bool:
        """Whether values of the columns *names* are masked; of none, that is a whole row, they are."""
        if not self.is_on:
            return False
        known = {column.name: column for column in contract.columns} if contract else {}
        columns = list(names)
        return not columns or any(
            name not in PLAIN and (name not in known or known[name].classification in MASKED)
            for name in columns
        )

    def value(self, contract: Contract | None, names: str, value: object) -> Value | None:
        """A value of the columns *names*, which are joined by ``|``; None where there is none."""
        if value is None or value == "":
            return None
        if self.covers(contract, names.split("|") if names else ()):
            return MASK
        return Value(str(value))


def lifted(person: Person, record: str) -> str:
    """What the address of a page says once *person* has asked for *record*: for nobody else, and for a while."""
    return _signer().dumps([person.name, record])


def is_lifted(person: Person, record: str, proof: str) -> bool:
    """Whether *proof* is from :func:`lifted`, for the same person and record, and not too old."""
    try:
        return bool(_signer().loads(proof, max_age=SHOWN_SECONDS) == [person.name, record])
    except BadData:
        return False


@cache
def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        conf.get_mandatory_value("api", "secret_key"), salt="claimhouse record"
    )
