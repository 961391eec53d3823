//! What the tests of all stores can't see from outside.

use jiff::Timestamp;

use super::connect;
use crate::attendance::sql::retention::{STEPS, delete_some};

#[test]
fn no_transaction_deletes_many_rows() {
    let mut db = connect::empty().unwrap();
    let db = db.transaction().unwrap();
    db.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         INSERT INTO people (key, person_id, name, enrolled) SELECT i, 'p' || i, 'n' || i, 1 FROM n;
         INSERT INTO sessions (key, id, title, zone, local_date, start_at, created_at)
         VALUES (1, 's', 't', 'UTC', '2020-01-01', 0, 0), (2, 'young', 't', 'UTC', '2020-01-01', 10, 0);
         INSERT INTO entries (session_key, person_key, status, camera_status, member)
         SELECT s.key, p.key, 1, 1, 1 FROM sessions s, people p;",
    )
    .unwrap();
    let before = Timestamp::from_millisecond(10).unwrap();
    let rounds: Vec<u64> = (0..4).map(|_| delete_some(&db, STEPS[0], before).unwrap()).collect();
    assert_eq!(rounds, [1000, 1000, 500, 0]);
    let rounds: Vec<u64> = STEPS.iter().map(|step| delete_some(&db, step, before).unwrap()).collect();
    assert_eq!(rounds, [0, 0, 0, 1, 0, 0, 0]);
    let left = |table: &str| -> u64 {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((left("sessions"), left("entries"), left("people")), (1, 2500, 2500));
}
