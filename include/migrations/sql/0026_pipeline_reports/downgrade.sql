revoke select (client, reports) on security.client from identified_owner;
revoke select (login, client) on security.login from identified_owner;
revoke select (source_system, as_of) on published.edition from identified_owner;
revoke select (subscription_id, period, state, sending_at, sent_at) on delivery.outbox from identified_owner;
revoke select (subscription_id, client, report, format, transport) on delivery.subscription from identified_owner;
revoke select (source_system, feed, rule, severity, status, issues) on quality.issue_count from identified_owner;
revoke select (
    batch_id, source_system, feed, received_date, state, is_correction, rows_read, rows_accepted, rows_quarantined,
    rows_dropped, loaded_at
) on landing.batch from identified_owner;
revoke select (file_id, source_system, feed, arrived_at) on landing.file from identified_owner;
revoke usage on schema landing, quality, delivery, published from identified_owner;
