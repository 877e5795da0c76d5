-- Whom the count table is for that is being counted: small_cells/readers.
create temporary table if not exists counting_reader (client text, source_system text, number integer) on commit drop;
