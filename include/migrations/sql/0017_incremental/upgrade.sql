create table published.basis (
    report text not null,
    audience integer not null,
    source_system text not null,
    basis text not null,
    primary key (report, audience, source_system)
);
comment on table published.basis is
'What the rows of a report follow from besides the star: where it changes, the next publication compares all rows';
