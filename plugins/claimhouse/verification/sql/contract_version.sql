-- Keep a version of a contract. $1 its hash, $2 source system, $3 feed, $4 its text.
insert into landing.contract_version (contract_hash, source_system, feed, content)
values ($1, $2, $3, $4)
on conflict do nothing;
