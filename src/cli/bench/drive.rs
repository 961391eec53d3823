//! Clients that send a photo in a loop, and their latencies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// What a load test drives: the service in this process, or a server.
pub(super) trait Target: Sync {
    /// A client of it, to be used by one thread.
    fn client(&self) -> anyhow::Result<Box<dyn Client + '_>>;
}

/// One client.
pub(super) trait Client {
    /// Sends a photo and waits for the response.
    fn send(&mut self, photo: &[u8]) -> anyhow::Result<()>;
}

/// Throughput and latency with a number of clients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Load {
    pub(super) clients: usize,
    pub(super) requests: usize,
    /// From the first request to the last response.
    pub(super) seconds: f64,
    pub(super) requests_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
}

/// Has `clients` clients send `photo` for the given time, after one request that doesn't count. Requests
/// that run at the end are waited for and count, so that slow photos are not left out.
///
/// # Errors
/// When a request fails; all clients stop then.
pub(super) fn drive(
    target: &impl Target,
    photo: &[u8],
    clients: usize,
    time: Duration,
    progress: impl Fn(Duration),
) -> anyhow::Result<Load> {
    target.client()?.send(photo)?;
    let failed = AtomicBool::new(false);
    let start = Instant::now();
    let send = || send_until(target, photo, start + time, &failed);
    let samples = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(send)).collect();
        while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            progress(start.elapsed().min(time));
            std::thread::sleep(TICK.min(time / 10));
        }
        let join = |thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<Vec<Sample>>>| {
            thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))?
        };
        threads.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    summarise(clients, start, &samples.concat()).context("no request was completed")
}

/// The time of a response, and its latency.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    latency: Duration,
}

fn send_until(
    target: &impl Target,
    photo: &[u8],
    deadline: Instant,
    failed: &AtomicBool,
) -> anyhow::Result<Vec<Sample>> {
    let mut client = target.client()?;
    let mut samples = Vec::new();
    while Instant::now() < deadline && !failed.load(Ordering::Relaxed) {
        let sent = Instant::now();
        client.send(photo).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        samples.push(Sample { at: Instant::now(), latency: sent.elapsed() });
    }
    Ok(samples)
}

/// `None` without samples.
fn summarise(clients: usize, start: Instant, samples: &[Sample]) -> Option<Load> {
    let end = samples.iter().map(|sample| sample.at).max()?;
    let mut latencies: Vec<Duration> = samples.iter().map(|sample| sample.latency).collect();
    latencies.sort_unstable();
    let seconds = (end - start).as_secs_f64();
    Some(Load {
        clients,
        requests: latencies.len(),
        seconds,
        requests_per_second: latencies.len() as f64 / seconds,
        p50_ms: milliseconds(percentile(&latencies, 50)),
        p95_ms: milliseconds(percentile(&latencies, 95)),
    })
}

/// The smallest value that `percent` of the values are not above (nearest rank). `sorted` is not empty.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// As a number of milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Responds after 2 ms; from request `fails_from` on every request fails.
    struct Fake {
        requests: AtomicUsize,
        fails_from: usize,
    }

    impl Target for Fake {
        fn client(&self) -> anyhow::Result<Box<dyn Client + '_>> {
            Ok(Box::new(FakeClient(self)))
        }
    }

    struct FakeClient<'a>(&'a Fake);

    impl Client for FakeClient<'_> {
        fn send(&mut self, photo: &[u8]) -> anyhow::Result<()> {
            assert_eq!(photo, b"photo");
            std::thread::sleep(Duration::from_millis(2));
            let number = self.0.requests.fetch_add(1, Ordering::SeqCst);
            anyhow::ensure!(number < self.0.fails_from, "refused");
            Ok(())
        }
    }

    #[test]
    fn every_request_but_the_first_counts() {
        let fake = Fake { requests: AtomicUsize::new(0), fails_from: usize::MAX };
        let load = drive(&fake, b"photo", 3, Duration::from_millis(60), |_| ()).unwrap();
        assert_eq!(load.requests + 1, fake.requests.load(Ordering::SeqCst));
        assert!(load.requests >= 3 && load.clients == 3, "{load:?}");
        assert!(load.p50_ms >= 2.0 && load.p50_ms <= load.p95_ms, "{load:?}");
        assert!((load.requests_per_second * load.seconds - load.requests as f64).abs() < 1e-6, "{load:?}");
    }

    #[test]
    fn a_refused_request_ends_the_measurement() {
        let fake = Fake { requests: AtomicUsize::new(0), fails_from: 4 };
        let error = drive(&fake, b"photo", 2, Duration::from_mins(10), |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "refused");
    }

    #[test]
    fn percentiles_are_values_that_were_met() {
        let values: Vec<Duration> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(10));
        assert_eq!(percentile(&values, 95), Duration::from_millis(19));
        assert_eq!(percentile(&values[..1], 95), Duration::from_millis(1));
    }
}
