-- The account of $1, a person whom the identity provider has signed in.
select
    a.account_id,
    r.login is not null as has_reader
from portal.account as a
left join portal.reader as r on a.login = r.login
where a.kind = 'oidc' and a.name = $1;
