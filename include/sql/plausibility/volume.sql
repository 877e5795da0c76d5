-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- How many percent of the rows of the usual update a batch has. The first file has everything, later ones only updates:
-- an update is compared with the median of the last ten. Fewer than three updates, or small ones, are no measure. A
-- reviewer's corrections do not count.
with updates as (
    select b.rows_accepted
    from landing.batch as b
    inner join landing.batch_order as o on b.batch_id = o.batch_id
    where
        b.source_system = '{{ source }}'
        and b.feed = '{{ feed }}'
        and o.newness < (select own.newness from landing.batch_order as own where own.batch_id = {{ batch_id }})
        and b.state in ('checked', 'loaded')
        and not b.is_correction
        and o.newness > (
            select min(f.newness)
            from landing.batch_order as f
            where f.source_system = '{{ source }}' and f.feed = '{{ feed }}' and f.state in ('checked', 'loaded')
        )
    order by o.newness desc
    limit 10
),

usual as (
    select
        count(*) as batches,
        percentile_cont(0.5) within group (order by u.rows_accepted) as row_count
    from updates as u
)

select
    case
        when b.is_correction or u.batches < 3 or u.row_count < 20 then 100
        else round((100 * b.rows_accepted / u.row_count)::numeric, 1)
    end
from landing.batch as b
cross join usual as u
where b.batch_id = {{ batch_id }}
