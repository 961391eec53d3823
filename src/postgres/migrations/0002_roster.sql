-- The roster, as the file that it is, and those that were replaced.

create table roster (
    single boolean primary key default true check (single),
    revision bigint not null,
    names integer not null,
    format text not null check (format in ('xlsx', 'ods', 'csv')),
    file bytea not null
);

create table roster_versions (
    id text primary key,
    names integer not null,
    format text not null check (format in ('xlsx', 'ods', 'csv')),
    file bytea not null
);
