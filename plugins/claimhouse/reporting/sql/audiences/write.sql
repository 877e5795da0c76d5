-- $1: the rules of all audiences, as a JSON object, each with its number, or null where it is new: its number is
-- random. Returns all numbers. Audiences that are not listed are deleted.
with wanted as (
    select
        w.rule,
        w.audience::integer as audience
    from jsonb_each_text($1::jsonb) as w (rule, audience)
),

deleted as (
    delete from published.audience as a
    where a.audience not in (select w.audience from wanted as w where w.audience is not null)
),

renamed as (
    update published.audience as a
    set rule = w.rule
    from wanted as w
    where a.audience = w.audience and a.rule <> w.rule
),

inserted as (
    insert into published.audience (audience, rule)
    select
        floor(random() * 2000000000)::integer + 1 as audience,
        w.rule
    from wanted as w
    where w.audience is null
    returning audience, rule
)

select
    i.rule,
    i.audience
from inserted as i
union all
select
    w.rule,
    w.audience
from wanted as w
where w.audience is not null;
