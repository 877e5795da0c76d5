drop trigger end_mails on portal.account;
drop function portal.end_mails();
comment on column portal.mailing.ended_at is 'When somebody stopped it after it was approved';
alter function portal.subscribe()
reset debug_print_parse
reset debug_print_rewritten
reset debug_print_plan;
