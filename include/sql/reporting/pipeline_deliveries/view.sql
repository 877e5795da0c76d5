{% from "reporting/live.jinja" import is_listed %}
-- The mails of the last 90 days by client, report and day, and what became of them. A day is that of the sending, or of
-- the schedule where nothing was sent.
select
    s.client,
    s.report,
    s.format,
    s.transport,
    (coalesce(o.sent_at, o.sending_at, o.period) at time zone 'UTC')::date as day,
    replace(o.state, '_', ' ') as delivery_state,
    count(*) as mails,
    count(*) filter (where o.state in ('failed', 'in_doubt', 'refused')) as mails_not_sent,
    now() as as_of
from delivery.outbox as o
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
where o.period > now() - interval '90 days' and {{ is_listed("pipeline_deliveries") }}
group by s.client, s.report, s.format, s.transport, day, o.state
