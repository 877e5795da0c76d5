-- $1: the client; $2 and $3: the keys it should have.
select k.client
from security.pseudonym_key as k
where k.client = $1 and (k.inner_key, k.outer_key) is distinct from ($2, $3);
