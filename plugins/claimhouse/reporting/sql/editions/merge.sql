-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Write the temporary table changed to the report; what it replaces is kept for the last {{ editions }} editions.
{% import "reporting/sql/editions/fields.jinja" as list -%}
insert into published.{{ report }}_was (audience, row_key, edition_from, {{ fields | join(", ") }}, edition_to)
select
    t.audience,
    t.row_key,
    t.edition_from,
    {{ list.of("t", fields) }},
    e.edition + 1 as edition_to
from published.{{ partition }} as t
inner join changed as c on t.row_key = c.row_key
cross join published.edition as e
where c.is_shown and e.audience = {{ number }} and e.source_system = '{{ source }}';

delete from published.{{ partition }} as t
using changed as c
where t.row_key = c.row_key and not c.stays;

update published.{{ partition }} as t
set
    edition_from = e.edition + 1,
    {{ list.assigned("c", fields) }}
from changed as c
cross join published.edition as e
where
    t.row_key = c.row_key and c.is_shown and c.stays
    and e.audience = {{ number }} and e.source_system = '{{ source }}';

insert into published.{{ partition }} (audience, row_key, edition_from, {{ fields | join(", ") }})
select
    {{ number }} as audience,
    c.row_key,
    e.edition + 1 as edition_from,
    {{ list.of("c", fields) }}
from changed as c
cross join published.edition as e
where
    not c.is_shown and c.stays
    and e.audience = {{ number }} and e.source_system = '{{ source }}';

-- Also what an extract will be compared with.
update published.basis as b
set kept_from = least(e.edition + 1 - {{ editions }}, n.edition)
from published.edition as e
left join delivery.needed_edition as n
    on n.report = '{{ report }}' and e.audience = n.audience and e.source_system = n.source_system
where
    b.report = '{{ report }}' and b.audience = {{ number }} and b.source_system = '{{ source }}'
    and e.audience = {{ number }} and e.source_system = '{{ source }}'
    and b.kept_from < least(e.edition + 1 - {{ editions }}, n.edition);

delete from published.{{ report }}_was as w
using published.basis as b
where
    w.audience = {{ number }} and w.source_system = '{{ source }}'
    and b.report = '{{ report }}' and b.audience = {{ number }} and b.source_system = '{{ source }}'
    and w.edition_to <= b.kept_from;
