-- Who looked up, read or changed whose data. Instants are milliseconds since 1970-01-01 UTC.

create table access_log (
    writer bigint not null, -- of the process: what it writes once more after a lost answer is known by this and the number
    number bigint not null,
    at bigint not null,
    line text not null, -- the entry as JSON, as the line of a file
    primary key (writer, number)
);

create index access_log_by_time on access_log (at);

-- The people that an entry names.
create table access_log_people (
    person_id text not null,
    writer bigint not null,
    number bigint not null,
    primary key (person_id, writer, number),
    foreign key (writer, number) references access_log on delete cascade
);

create index access_log_people_by_entry on access_log_people (writer, number);
