-- One mail to send. What has been sent or was given up stays as it is.
insert into delivery.outbox as o (
    subscription_id, period, recipient, report, privacy_level, reason, message_id, file_name,
    checksum, row_count, column_names, as_of, entitlements
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)
on conflict (subscription_id, period, recipient) do update
    set
        report = excluded.report,
        privacy_level = excluded.privacy_level,
        reason = excluded.reason,
        file_name = excluded.file_name,
        checksum = excluded.checksum,
        row_count = excluded.row_count,
        column_names = excluded.column_names,
        as_of = excluded.as_of,
        entitlements = excluded.entitlements,
        prepared_at = now()
    where o.state in ('prepared', 'sending');
