-- Whether anything of the source is published in the report.
select exists(
    select
    from published.{{ partition }} as t
    where t.source_system = '{{ source }}'
) as has_rows;
