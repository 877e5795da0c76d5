-- $1: the rules of all audiences. Returns the number of each; a new one is random.
with deleted as (
    delete from published.audience as a
    where a.rule <> all($1::text[])
),

inserted as (
    insert into published.audience (audience, rule)
    select
        floor(random() * 2000000000)::integer + 1 as audience,
        r.rule
    from unnest($1::text[]) as r (rule)
    where r.rule not in (select a.rule from published.audience as a)
    returning audience, rule
)

select
    i.audience,
    i.rule
from inserted as i
union all
select
    a.audience,
    a.rule
from published.audience as a
where a.rule = any($1::text[]);
