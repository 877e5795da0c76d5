-- Live reports about the pipeline belong to identified_owner. It gets the columns that they read: none of them has the
-- name of a file, a value or key of a record, or who receives a mail.
grant usage on schema landing, quality, delivery, published to identified_owner;
grant select (file_id, source_system, feed, arrived_at) on landing.file to identified_owner;
grant select (
    batch_id, source_system, feed, received_date, state, is_correction, rows_read, rows_accepted, rows_quarantined,
    rows_dropped, loaded_at
) on landing.batch to identified_owner;
grant select (source_system, feed, rule, severity, status, issues) on quality.issue_count to identified_owner;
grant select (subscription_id, client, report, format, transport) on delivery.subscription to identified_owner;
grant select (subscription_id, period, state, sending_at, sent_at) on delivery.outbox to identified_owner;
grant select (source_system, as_of) on published.edition to identified_owner;
-- Which reports the reader's file lists: a session of Tableau has the grants of all its people.
grant select (login, client) on security.login to identified_owner;
grant select (client, reports) on security.client to identified_owner;
