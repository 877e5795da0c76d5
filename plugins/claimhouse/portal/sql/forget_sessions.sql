-- Sessions that ended a month ago.
delete from portal.session as s
where s.expires_at < now() - interval '30 days';
