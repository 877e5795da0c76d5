drop table landing.batch_reading;
alter table landing.batch
drop column contract_hash,
drop column retried_hash,
drop column is_to_be_reverified,
drop column has_lost_rows;
drop table landing.contract_version;
