-- Findings of the audit that were dismissed, as the file of a data directory has them. Whoever changes them locks the row.

create table dismissals (
    single boolean primary key default true check (single),
    findings text not null
);

insert into dismissals (findings) values ('{}');
