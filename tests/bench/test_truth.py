"""The truth that the benchmark holds everybody to: Claimhouse loads it row for row, and a wrong row is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import load, peers, truth, workload
from claimhouse import ingest

# 2,000 claims of 200 patients and 10 providers: some 16 moves re-key claims.
SCALE = 0.001


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("workload")
    workload.make(landing, SCALE)
    return landing


@pytest.fixture
def loaded(files, warehouse_url, landing_root, monkeypatch) -> str:
    for part in truth.PARTS:
        monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{files / part}")
        ingest.run("billing")
    return warehouse_url


def test_claimhouse_loads_the_truth_row_for_row(loaded, files, warehouse, monkeypatch, tmp_path):
    load.check("claimhouse", loaded, files)
    monkeypatch.setattr(load, "FOLDER", tmp_path)
    warehouse.execute(
        "update star.fact_claim set total_cost = total_cost + 0.01 where claim_id ="
        " (select min(claim_id) from star.fact_claim)"
    )
    with pytest.raises(SystemExit, match="claimhouse refused"):
        load.check("claimhouse", loaded, files)
    wrong = (tmp_path / "claimhouse.rows").read_bytes().splitlines()
    true = (tmp_path / "truth.rows").read_bytes().splitlines()
    assert [first for first, second in zip(wrong, true, strict=True) if first != second] == wrong[
        :1
    ]


def test_a_move_rekeys_claims_in_one_truth_alone(files):
    both = [list(truth.lines(files, rekeyed=rekeyed)) for rekeyed in (True, False)]
    moved = [line for line, kept in zip(*both, strict=True) if line != kept]
    assert 0 < len(moved) < len(both[0]) / 10
    assert truth.of(files).rekeyed != truth.of(files).as_loaded


@pytest.mark.parametrize("peer", peers.PEERS)
def test_a_peer_is_whole(peer):
    folder = peers.FOLDER / peer
    assert (folder / "load.py").stat().st_size
    assert peers.query(peer, "claims") and peers.query(peer, "rejected")
    wanted = (folder / "requirements.in").read_text().split()
    pinned = (folder / "requirements.txt").read_text().split()
    assert all("==" in package for package in wanted)
    assert {package.partition("[")[0].partition("==")[0] for package in wanted} <= {
        package.partition("==")[0] for package in pinned
    }
