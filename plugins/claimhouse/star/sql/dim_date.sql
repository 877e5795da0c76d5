-- Every day from 1900 to 2100; only differences are written.
-- $1: the month, 1 to 12, in which the fiscal year starts; $2, $3: the holidays and their names.
with calendar as (
    select
        g.day::date as date,
        extract(year from g.day)::smallint as year,
        extract(month from g.day)::smallint as month,
        -- months since the fiscal year began
        (extract(month from g.day)::integer - $1::integer + 12) % 12 as fiscal_months,
        extract(isodow from g.day)::smallint as weekday,
        h.name as holiday_name
    from generate_series(timestamp '1900-01-01', timestamp '2100-12-31', interval '1 day') as g (day)
    left join unnest($2::date[], $3::text[]) as h (date, name) on g.day::date = h.date
)

insert into star.dim_date as kept
select
    to_char(date, 'YYYYMMDD')::integer as date_key,
    date,
    year,
    extract(quarter from date)::smallint as quarter,
    month,
    to_char(date, 'FMMonth') as month_name,
    to_char(date, 'YYYY-"Q"Q') as year_quarter,
    to_char(date, 'YYYY-MM') as year_month,
    extract(day from date)::smallint as day_of_month,
    weekday,
    to_char(date, 'FMDay') as weekday_name,
    -- the calendar year of the fiscal year's last month
    extract(year from date + make_interval(months => 11 - fiscal_months))::smallint as fiscal_year,
    (fiscal_months / 3 + 1)::smallint as fiscal_quarter,
    weekday > 5 as is_weekend,
    holiday_name is not null as is_holiday,
    weekday <= 5 and holiday_name is null as is_working_day,
    holiday_name
from calendar
on conflict (date_key) do update set
    fiscal_year = excluded.fiscal_year,
    fiscal_quarter = excluded.fiscal_quarter,
    is_holiday = excluded.is_holiday,
    is_working_day = excluded.is_working_day,
    holiday_name = excluded.holiday_name
where
(kept.fiscal_year, kept.fiscal_quarter, kept.holiday_name)
is distinct from (excluded.fiscal_year, excluded.fiscal_quarter, excluded.holiday_name);
