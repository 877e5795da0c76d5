-- What the SELECT of a report reads besides the star.
create temporary table if not exists publication_restricted (
    encounter_id text not null,
    specialty text
) on commit drop;
create temporary table if not exists publication_batches (batch_id bigint not null) on commit drop;
