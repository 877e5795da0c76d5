-- The issues of a batch that is about to be read again; those of checks and of its archived copy are none of the
-- reading's.
create temp table issue_before on commit drop as
select i.*
from quality.issue as i
where
    i.batch_id = {{ batch_id }}
    and i.rule not like 'soda:%'
    and i.rule not like 'archive\_%';
