//! What is sent when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::common::random::Random;
use crate::session::{Fault, Session};
use crate::{bad, folder, recognition, visitors, watching};

/// Something that a client does: one request, or several that belong together.
type Task = fn(&Session, &mut Random) -> Result<(), Fault>;

/// Each task and how often it comes, in relation to the others.
const TASKS: [(Task, usize); 18] = [
    (recognition::group_photo, 40),
    (recognition::other_photo, 24),
    (recognition::large_photo, 3),
    (recognition::exif_photo, 10),
    (recognition::explained_photo, 12),
    (visitors::come_and_go, 3),
    (visitors::refused, 2),
    (folder::replace_gallery, 1),
    (folder::upload_roster, 1),
    (folder::replace_roster, 1),
    (bad::truncated, 4),
    (bad::text, 3),
    (bad::giant_claim, 3),
    (bad::wrong_boundary, 3),
    (bad::hang_up, 3),
    (bad::roster, 1),
    (watching::metrics_and_readiness, 3),
    (watching::page, 2),
];

/// The task with this number: each once at the beginning, then by chance.
fn task(random: &mut Random, number: u64) -> Task {
    if let Some((task, _)) = TASKS.get(number as usize) {
        return *task;
    }
    let mut left = random.below(TASKS.iter().map(|(_, weight)| weight).sum());
    for (task, weight) in TASKS {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return task,
        }
    }
    unreachable!("the number is below the sum of the weights")
}

/// Takes one number after the other and does its task, until the time is over and each task was done.
pub(crate) fn run_client(session: &Session, seed: u64, next: &AtomicU64, end: Instant) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = Instant::now() >= end && number >= TASKS.len() as u64;
        if is_over || session.tally.is_hopeless() {
            return;
        }
        let mut random = Random::new(seed, number);
        let task = task(&mut random, number);
        if let Err(fault) = task(session, &mut random) {
            session.tally.error(format!("task {number}: {fault}"));
        }
    }
}
