-- API keys: their hashes. Instants are milliseconds since 1970-01-01 UTC.

-- What tells one list of keys from another; 0: there never was a key, and none is asked for. Whoever changes keys locks this row.
create table key_list (
    single boolean primary key default true check (single),
    version bigint not null
);

create table keys (
    sha256 bytea primary key check (octet_length(sha256) = 32), -- of the key as it is sent
    position integer not null,
    name text not null,
    scope text not null check (scope in ('recognize', 'manage')),
    expires text, -- RFC 3339, to the last digit; null: never
    last_used bigint,
    unique (name) deferrable initially deferred -- a rotation gives the name to a new key
);

insert into key_list (version) values (0);
