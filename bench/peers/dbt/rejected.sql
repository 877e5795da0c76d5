select count(*) from rejected_claims
