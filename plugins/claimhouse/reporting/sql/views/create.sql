-- noqa: disable=LT02,LT05
create view reporting.{{ report }}{{ " with (security_barrier)" if is_barrier }} as
{{ select }};
alter view reporting.{{ report }} owner to {{ owner }};
comment on view reporting.{{ report }} is '{{ description }}';
