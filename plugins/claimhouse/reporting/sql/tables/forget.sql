-- Delete what is published for audiences that no longer have the report. Their empty partitions stay: dropping one
-- would wait for every reader of the report.
do $$
declare
    place regclass;
begin
    for place in
        select i.inhrelid
        from pg_inherits as i
        where
            i.inhparent = 'published.{{ report }}'::regclass
            and i.inhrelid <> all(array[
                {% for number in numbers %}to_regclass('published.{{ report }}_{{ number }}')::oid{{ ", " if not loop.last }}{% endfor %}
            ]::oid[])
    loop
        execute format('delete from %s', place);
    end loop;
    delete from published.{{ report }}_was as w where w.audience <> all(array{{ numbers }}::integer[]);
    delete from published.basis as b where b.report = '{{ report }}' and b.audience <> all(array{{ numbers }}::integer[]);
    delete from published.edition as e where e.audience not in (select a.audience from published.audience as a);
end
$$;
