-- The partition of an audience. It is attached: that waits for no reader of the others.
-- Sums are updated in place: with room for it on each page, no index is written.
-- Its key exists before its rows: editions of two sources may write to it at once, and to create an index during one
-- of them would wait for the other.
do $$
begin
    if to_regclass('published.{{ partition }}') is null then
        create table published.{{ partition }} (like published.{{ report }}) with (fillfactor = {{ 50 if sums else 85 }});
        alter table published.{{ report }}
        attach partition published.{{ partition }} for values in ({{ number }});
    end if;
    if to_regclass('published.{{ partition }}_key') is null then
        create unique index {{ partition }}_key on published.{{ partition }} (row_key);
    end if;
end
$$;
