-- Delete what is published for audiences that no longer have the report. Their empty partitions stay: dropping one
-- would wait for every reader of the report.
do $$
declare
    place regclass;
    number integer;
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
    -- There are many such rows and few audiences: each is looked up by the index that begins with it.
    for number in
        with recursive kept as (
            (select w.audience from published.{{ report }}_was as w order by w.audience limit 1)
            union all
            select n.audience
            from kept as k
            cross join lateral (
                select w.audience
                from published.{{ report }}_was as w
                where w.audience > k.audience
                order by w.audience
                limit 1
            ) as n
        )

        select k.audience
        from kept as k
        where k.audience <> all(array{{ numbers }}::integer[])
    loop
        delete from published.{{ report }}_was as w where w.audience = number;
    end loop;
    delete from published.basis as b where b.report = '{{ report }}' and b.audience <> all(array{{ numbers }}::integer[]);
    delete from published.edition as e where e.audience not in (select a.audience from published.audience as a);
end
$$;
