-- sqlfluff:templater:jinja:context:record_key:claim_id
-- sqlfluff:templater:jinja:context:version_column:last_modified_date
-- sqlfluff:templater:jinja:context:version_type:date
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:templater:jinja:context:has_key_index:true
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- A good row closes the open issues of older rows of its record, in whatever order their files came. The batches
-- {{ batches }} bring good rows for what is open, and issues that a good row from before may have settled.
create temp table open_issue on commit drop as
select
    issue.issue_id,
    issue.record_key,
    issue.batch_id{% if version_column %},
    case
        when pg_input_is_valid(issue.record_version, '{{ version_type }}')
            then issue.record_version::{{ version_type }}
    end as version{% endif %}
from quality.issue
where
    issue.status = 'open'
    and issue.source_system = '{{ source }}'
    and issue.feed = '{{ feed }}'
    and issue.record_key is not null;

-- With statistics the planner chooses hash joins. It takes new issues for one, and would compute the order of all
-- batches for each; a nested loop with good rows took 200 seconds for 10,000 open issues and 220,000 rows.
analyze open_issue;

create temp table left_open on commit drop as
select
    open_issue.*,
    placed.newness
from open_issue
inner join landing.batch_order as placed on open_issue.batch_id = placed.batch_id;

analyze left_open;

create temp table good on commit drop as
select
    {{ record_key }} as record_key,
    {{ feed }}.batch_id{% if version_column %},
    {{ feed }}.{{ version_column }} as version{% endif %}
from {{ schema }}.{{ feed }}
where
    {{ feed }}.batch_id = any('{{ batches }}'::bigint[])
    -- A batch settles none of its own issues: of a first load no row is read.
    and exists (
        select from left_open
        cross join unnest('{{ batches }}'::bigint[]) as brought (batch_id)
        where left_open.batch_id <> brought.batch_id
    )
    and {{ record_key }} in (select left_open.record_key from left_open);

{% if version_column -%}
-- Rows from before, for new issues of rows that are older than others. Most are older still: to compare their keys
-- would take longer.
{% if not has_key_index -%}
-- The planner expects a third of all rows, and would read the others, too.
set local enable_seqscan = off;
{% endif -%}
insert into good
select
    {{ record_key }} as record_key,
    {{ feed }}.batch_id,
    {{ feed }}.{{ version_column }} as version
from {{ schema }}.{{ feed }}
where
    {{ feed }}.batch_id <> all('{{ batches }}'::bigint[])
    and {{ feed }}.{{ version_column }} >= (
        select min(left_open.version) from left_open
        where left_open.batch_id = any('{{ batches }}'::bigint[])
    )
    and exists (
        select from left_open
        where left_open.batch_id = any('{{ batches }}'::bigint[]) and left_open.version is not null
    )
    -- of a first load no row is read
    and exists (
        select from landing.batch as other
        where
            other.source_system = '{{ source }}'
            and other.feed = '{{ feed }}'
            and other.batch_id <> all('{{ batches }}'::bigint[])
    )
    and {{ record_key }} in (
        select left_open.record_key from left_open
        where left_open.batch_id = any('{{ batches }}'::bigint[]) and left_open.version is not null
    );
{% if not has_key_index -%}
reset enable_seqscan;
{% endif %}
{% endif -%}
-- Rows from before, for new issues {{ "without a version " if version_column }}of files that are older than others.
insert into good
select
    {{ record_key }} as record_key,
    {{ feed }}.batch_id{% if version_column %},
    {{ feed }}.{{ version_column }} as version{% endif %}
from {{ schema }}.{{ feed }}
where
    {{ feed }}.batch_id <> all('{{ batches }}'::bigint[])
    and exists (
        select from left_open
        where
            left_open.batch_id = any('{{ batches }}'::bigint[])
            {% if version_column %}and left_open.version is null{% endif %}
            and left_open.newness < (
                select max(placed.newness) from landing.batch_order as placed
                where
                    placed.source_system = '{{ source }}'
                    and placed.feed = '{{ feed }}'
                    and placed.batch_id <> all('{{ batches }}'::bigint[])
            )
    )
    and {{ record_key }} in (
        select left_open.record_key from left_open
        where
            left_open.batch_id = any('{{ batches }}'::bigint[])
            {% if version_column %}and left_open.version is null{% endif %}
    );

analyze good;

-- The oldest of the newer rows closes the issue. Among the rows of one file verification has chosen already.
create temp table settled on commit drop as
select distinct on (left_open.issue_id)
    left_open.issue_id,
    good.batch_id
from left_open
inner join good on left_open.record_key = good.record_key
inner join landing.batch_order as placed on good.batch_id = placed.batch_id
where
    placed.state in ('verified', 'checked', 'loaded')
    and left_open.batch_id <> good.batch_id
    and {% if version_column %}(
        left_open.version < good.version
        or ((left_open.version is null or left_open.version = good.version) and left_open.newness < placed.newness)
    ){% else %}left_open.newness < placed.newness{% endif %}
order by left_open.issue_id, placed.newness;

update quality.issue
set
    status = case when batch.is_correction then 'corrected' else 'resolved' end,
    closed_at = now(),
    closed_by = 'batch ' || batch.batch_id,
    closed_by_batch_id = batch.batch_id
from settled
inner join landing.batch on settled.batch_id = batch.batch_id
where issue.issue_id = settled.issue_id;

drop table open_issue, left_open, good, settled;
