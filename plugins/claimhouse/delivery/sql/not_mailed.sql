-- $1: a subscription, $2: a period whose dashboard is not mailed, $3: why.
insert into delivery.notice (subscription_id, period, kind, problem)
values ($1, $2, 'not mailed', $3)
on conflict (subscription_id, period, kind) do update set problem = excluded.problem;
