-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- A new audience goes on with the rows of an earlier one, from the edition that it sees: what was before that, the
-- earlier one has.
insert into published.{{ partition }} (audience, row_key, edition_from, {{ fields | join(", ") }})
select
    {{ number }} as audience,
    t.row_key,
    e.edition as edition_from
    {%- for field in fields %},
    t.{{ field }}
    {%- endfor %}
from published.{{ report }}_{{ earlier }} as t
inner join published.edition as e on t.source_system = e.source_system
where e.audience = {{ earlier }} and t.source_system = '{{ source }}';

analyze published.{{ partition }};

insert into published.basis (report, audience, source_system, basis)
select
    b.report,
    {{ number }} as audience,
    b.source_system,
    b.basis
from published.basis as b
where b.report = '{{ report }}' and b.audience = {{ earlier }} and b.source_system = '{{ source }}';
