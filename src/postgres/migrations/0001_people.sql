-- The enrolled people.

-- One database holds embeddings of one recipe: only those are comparable.
create table recipe (
    single boolean primary key default true check (single),
    model text not null,
    model_sha256 bytea check (octet_length(model_sha256) = 32),
    margin_px integer not null check (margin_px >= 0)
);

-- The newest revision. Whoever changes people locks this row. The token tells two histories of one number apart, which a
-- standby that was promoted before it had everything would leave.
create table state (
    single boolean primary key default true check (single),
    revision bigint not null,
    token bigint not null
);

create table commits (
    revision bigint primary key,
    token bigint not null,
    made_at timestamptz not null default now()
);

-- Which people each revision saved or removed.
create table changes (
    revision bigint not null references commits on delete cascade,
    person_id text not null,
    primary key (revision, person_id)
);

create table people (
    id text primary key,
    position bigint not null unique, -- people stand in the order of enrolment
    name text not null,
    student_integer bigint,
    student_number double precision,
    student_text text,
    expires date,
    check (num_nonnulls(student_integer, student_number, student_text) <= 1),
    unique (name) deferrable initially deferred -- two may swap their names
);

create table photos (
    person_id text not null references people on delete cascade,
    position integer not null,
    id text not null,
    embedding bytea not null check (octet_length(embedding) = 2048), -- 512 float32, little-endian
    source_sha256 bytea check (octet_length(source_sha256) = 32),
    weak boolean not null,
    file_name text,
    primary key (person_id, position),
    unique (person_id, id)
);

-- Embeddings can't be compressed, and out of line they would be two more rows each.
alter table photos alter column embedding set storage plain;

insert into state (revision, token) select 0, (random() * 9e18)::bigint;
insert into commits (revision, token) select revision, token from state;
