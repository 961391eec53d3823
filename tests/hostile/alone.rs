//! Each bomb by itself: the processor time that it costs the server, against that of an honest photo in the same run.

use std::path::Path;
use std::time::Duration;

use crate::attack::{self, Corpus};
use crate::common::server::Server;
use crate::post_photo;

/// Pixels of the honest photo.
const HONEST_PIXELS: f64 = 4032.0 * 2686.0;
/// A bomb of as many pixels may cost so many times as much: what is in a photo counts, too.
const FACTOR: f64 = 2.0;
/// Pixels that a smaller bomb is taken for.
const LEAST_PIXELS: f64 = 1e6;
/// For reading an upload and refusing it, seconds.
const REFUSAL_S: f64 = 0.1;
/// Time without work after which the server has done what it was asked.
const QUIET: Duration = Duration::from_millis(100);
/// Clock ticks a second in `/proc` (Linux, `USER_HZ`).
const TICKS: f64 = 100.0;

/// Posts each bomb, one after the other. Returns those that cost too much.
pub(crate) fn too_costly(server: &Server, corpus: &Corpus) -> Vec<String> {
    let honest = cost_s(server, &attack::large_photo());
    let mut costliest: (f64, &str) = (0.0, "none");
    let mut faults = Vec::new();
    for bomb in corpus.bombs() {
        let share = (bomb.pixels as f64).max(LEAST_PIXELS) / HONEST_PIXELS;
        let allowed = REFUSAL_S + FACTOR * honest * share;
        let cost = cost_s(server, &bomb.bytes);
        if cost / allowed >= costliest.0 {
            costliest = (cost / allowed, bomb.what);
        }
        if cost > allowed {
            faults
                .push(format!("{} cost {cost:.2} s of processor time, more than {allowed:.2} s", bomb.what));
        }
    }
    println!("an honest photo of 10.8 megapixels costs {honest:.2} s of processor time");
    println!("the costliest bomb took {:.0} % of what it may: {}", 100.0 * costliest.0, costliest.1);
    faults
}

/// Processor time that the server spends on a photo, also after the response.
fn cost_s(server: &Server, photo: &[u8]) -> f64 {
    let before = settled_s(server);
    let _ = post_photo(server, photo); // the response was checked before
    settled_s(server) - before
}

/// Processor time of the server so far, once it stands still.
fn settled_s(server: &Server) -> f64 {
    let mut last = processor_s(server);
    loop {
        std::thread::sleep(QUIET);
        let now = processor_s(server);
        if now <= last {
            return now;
        }
        last = now;
    }
}

fn processor_s(server: &Server) -> f64 {
    server.proc_folders().map(|folder| processor_s_of(&folder)).sum()
}

fn processor_s_of(proc_folder: &Path) -> f64 {
    let stat = std::fs::read_to_string(proc_folder.join("stat")).expect("the server runs");
    // The second field, the name, is in parentheses and may hold spaces. Times of the user's and the system's code are the
    // 14th and the 15th.
    let (_, after) = stat.rsplit_once(')').unwrap();
    let ticks = after.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS
}
