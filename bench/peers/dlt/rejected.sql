select count(*) from billing.rejected_claims
