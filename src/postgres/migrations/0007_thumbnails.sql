-- Thumbnails of enrolled photos, PNG files.

create table thumbnails (
    photo_id text primary key,
    png bytea not null check (octet_length(png) <= 262144)
);

-- A PNG file can't be compressed.
alter table thumbnails alter column png set storage external;

create index photos_by_id on photos (id);

-- A thumbnail goes with its photo, whoever deletes that. At the end of the transaction: of a changed person all photos are deleted
-- and inserted again, and one that is moved is another person's by then.
create function delete_thumbnail() returns trigger language plpgsql as $$
begin
    delete from facerec.thumbnails where photo_id = old.id and not exists (select from facerec.photos where id = photo_id);
    return null;
end
$$;

create constraint trigger delete_thumbnail after delete on photos
    deferrable initially deferred for each row execute function delete_thumbnail();
