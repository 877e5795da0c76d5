drop view delivery.needed_edition;
alter table published.basis drop column kept_from;
comment on column delivery.extract.format is null;
alter table delivery.extract
drop column parts,
drop column basis,
drop column since_extract_id;
alter table delivery.subscription
drop column covers,
drop column identified_by,
drop column when_too_large;
