-- The partition of an audience. It is attached: that waits for no reader of the others.
-- Sums are updated in place: with room for it on each page, no index is written.
do $$
begin
    if to_regclass('published.{{ partition }}') is null then
        create table published.{{ partition }} (like published.{{ report }}) with (fillfactor = {{ 50 if sums else 85 }});
        alter table published.{{ report }}
        attach partition published.{{ partition }} for values in ({{ number }});
    end if;
end
$$;
