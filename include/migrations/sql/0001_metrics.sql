-- What metrics there are. Their views are laid by each publication from include/metrics/.

create table metrics.catalog (
    metric text primary key,
    title text not null,
    sentence text not null,
    owner text not null,
    unit text not null,
    kind text not null,
    fact text not null,
    filter text,
    numerator text not null,
    denominator text,
    member text,
    dimensions text[] not null,
    not_across text,
    roll_up text not null,
    example text not null,
    source text not null
);
comment on table metrics.catalog is 'The governed metrics: each is the view metrics.<metric>';
comment on column metrics.catalog.kind is
'How it rolls up: sum, ratio of two sums, level (a sum at one time), share_of_members (distinct), median';
comment on column metrics.catalog.filter is 'Which rows of the fact count; all where empty';
comment on column metrics.catalog.member is 'Of a share of members: who is counted, each once';
comment on column metrics.catalog.dimensions is 'By what it may be cut: columns of its view';
comment on column metrics.catalog.not_across is
'The cut over which it must not be added up: fix it, or group by it';
comment on column metrics.catalog.roll_up is 'How the rows of its view become one value, of any cut';
comment on column metrics.catalog.source is 'Where the definition comes from';

create table metrics.dimension (
    dimension text primary key,
    column_name text not null,
    meaning text not null
);
comment on table metrics.dimension is 'By what metrics may be cut, and what that is in the star';
