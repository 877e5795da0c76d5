drop function published.add_up() cascade;
drop function published.control(regclass);
drop table published.control_total;
update published.report set definition = null;
comment on column published.report.definition is null;
