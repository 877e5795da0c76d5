-- What was sent in the last day, by client and report.
select
    l.client,
    l.report,
    l.format,
    count(*) as mails,
    max(l.disclosed_at) as sent_at
from delivery.ledger as l
where l.state = 'sent' and l.disclosed_at > now() - interval '1 day'
group by l.client, l.report, l.format
order by sent_at desc;
