-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The audience may no longer see what is published of the source: nothing is, until it is published anew. The rows
-- are those of an earlier edition.
insert into published.{{ report }}_was (audience, row_key, edition_from, {{ fields | join(", ") }}, edition_to)
select
    t.audience,
    t.row_key,
    t.edition_from
    {%- for field in fields %},
    t.{{ field }}
    {%- endfor %},
    e.edition + 1 as edition_to
from published.{{ partition }} as t
inner join published.edition as e on t.audience = e.audience and t.source_system = e.source_system
where t.source_system = '{{ source }}';
delete from published.{{ partition }} as t where t.source_system = '{{ source }}';
delete from published.basis as b
where b.report = '{{ report }}' and b.audience = {{ number }} and b.source_system = '{{ source }}';
