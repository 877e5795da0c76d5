select count(*) from rejected_claim
