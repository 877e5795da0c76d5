-- The clients with an active subscription, and the names of each: its own, its title, its people's logins.
select
    c.client,
    array[c.client, c.title] || array(
        select split_part(l.login, '__', 2)
        from security.login as l
        where l.client = c.client and not l.is_own_role
    ) as names
from security.client as c
where exists (select from delivery.subscription as s where s.client = c.client and s.is_active)
order by c.client;
