"""docs/how-to/first-feed.md, followed literally."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal

import pytest

from claimhouse import cli, contracts
from claimhouse import settings as places

PAGE = (places.PROJECT / "docs" / "how-to" / "first-feed.md").read_text()
CSV = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)[0]
OUTPUT = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
COMMANDS = re.findall(r"^       claimhouse (.*)$", PAGE, re.MULTILINE)


@pytest.mark.usefixtures("warehouse")
def test_the_page_leads_from_the_file_to_the_star(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims_20240105.csv").write_text(CSV)
    draft, attempt = map(shlex.split, COMMANDS)
    cli.main([*draft, "--folder", "var/drafts"])  # not into the project's
    cli.main(attempt)
    printed = capsys.readouterr().out
    first, money, star = (line.strip() for line in OUTPUT.splitlines() if line.strip())
    assert first in printed and star in printed
    kept = {line.split("|")[0]: line.split("|")[6] for line in CSV.splitlines()}
    total = sum(Decimal(text.replace("(", "-").replace(")", "")) for text in kept.values())
    assert f"claim_amount: {total + Decimal('99.95')} read, {total} accepted" in printed
    assert money == f"claim_amount: {total} accepted"
    text = (tmp_path / "var/drafts/acme/claims.yaml").read_text()
    assert contracts.load(tmp_path / "var/drafts/acme/claims.yaml").key == ("claim_id",)
    assert not [name for name in ("ALVAREZ", "BRANDVOLD", "M20017") if name in text + printed]
