-- Keep that somebody asks to be mailed a dashboard each week, unless the login has $8 such mails already. $1 login, $2
-- person, $3 dashboard, $4 filters as JSON, $5 format, $6 weekday, $7 recipient, $9 time zone. No row where it has.
insert into portal.mailing (login, person, dashboard, filters, format, weekday, recipient, time_zone)
select
    $1::text,
    $2::text,
    $3::text,
    $4::jsonb,
    $5::text,
    $6::smallint,
    $7::text,
    $9::text
where
    (
        select count(*)
        from portal.mailing as m
        where m.login = $1::text and m.is_approved is not false and m.ended_at is null
    ) < $8::bigint
returning mailing_id;
