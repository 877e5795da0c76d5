-- After the first load: rows that are appended to an index cost more than an index of all rows.
create unique index fact_claim_id on fact_claim (claim_id)
