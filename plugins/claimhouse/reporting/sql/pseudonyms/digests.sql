-- What tells the keys of each client apart from any others.
select
    k.client,
    encode(sha256(k.inner_key || k.outer_key), 'hex') as digest
from security.pseudonym_key as k;
