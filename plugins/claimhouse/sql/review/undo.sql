-- Note that an act is undone. $1 act, $2 reviewer, $3 reason.
update quality.review_act
set undone_at = now(), undone_by = $2, undone_reason = $3
where act_id = $1;
