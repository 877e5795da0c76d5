"""The schema upgrade: complete, and safe to repeat."""

from claimhouse import schema


def test_upgrade_can_be_repeated(warehouse, warehouse_url):
    tables = "select count(*) from information_schema.tables where table_schema = 'star'"
    before = warehouse.execute(tables).fetchone()
    schema.upgrade(warehouse_url)
    assert warehouse.execute(tables).fetchone() == before
    assert before[0] >= 7
