alter table metrics.catalog drop column view_digest;
