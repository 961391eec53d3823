//! Many more clients than there is room for, all at once, on the built program: who is refused and how
//! soon, who is answered and how late. The figures are printed: run with `--nocapture` to see them.

use std::io::Cursor;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::app::Form;
use crate::support::http::{Answer, Client, exchange, post, post_to};
use crate::support::sample;
use crate::support::server::{Server, facerec, sample_data, sample_folder, wait_until};

const CLIENTS: usize = 200;
const QUEUE: usize = 16;
/// How often the service time is measured.
const SAMPLES: usize = 5;
/// How many times its computed wait an accepted photo may take: other programs use the machine, too.
const SLACK: u32 = 3;

/// An answer, and the time from the first byte sent to the last byte read.
struct Answered {
    answer: Answer,
    after: Duration,
}

fn ask(mut client: Client, request: &[u8]) -> Answered {
    let sent = Instant::now();
    client.send(request);
    let answer = client.answer();
    Answered { answer, after: sent.elapsed() }
}

/// What a photo is answered when nobody else asks, and how long that takes, in the middle.
fn alone(server: &Server, request: &[u8]) -> (String, Duration) {
    let body = exchange(server.socket(), request).body;
    let time = |_| ask(Client::connect(server.socket()), request).after;
    (body, percentile((0..SAMPLES).map(time).collect(), 50))
}

/// Connects all clients, and then has all of them send.
fn all_at_once(server: &Server, request: &[u8]) -> Vec<Answered> {
    let ready = &Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|_| {
            scope.spawn(move || {
                let client = Client::connect(server.socket());
                ready.wait();
                ask(client, request)
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

/// The nearest rank.
fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent).div_ceil(100) - 1]
}

fn times(answered: &[Answered]) -> Vec<Duration> {
    answered.iter().map(|answered| answered.after).collect()
}

#[test]
fn two_hundred_clients_at_once_are_answered_right_or_told_to_come_back() {
    let server = Server::sample(&["--queue", &QUEUE.to_string(), "--request-timeout-s", "600"]);
    let request = post(&std::fs::read(sample_folder().join("group.jpg")).unwrap());
    let (right, service_time) = alone(&server, &request);
    assert!(right.contains("Barack Obama"), "{right}");

    let answers = all_at_once(&server, &request);
    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answered| answered.answer.status == 200);
    for Answered { answer, .. } in &refused {
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{answer:?}");
    }
    assert!(accepted.iter().all(|answered| answered.answer.body == right), "each is answered as alone");
    // Nobody is refused while there is a place.
    let places = QUEUE + std::thread::available_parallelism().unwrap().get();
    assert!(accepted.len() >= places && !refused.is_empty(), "{} of {CLIENTS} accepted", accepted.len());

    let bound = service_time * u32::try_from(places).unwrap();
    let (of_refused, of_accepted) = (|p| percentile(times(&refused), p), |p| percentile(times(&accepted), p));
    println!(
        "{} of {CLIENTS} refused, after {:.0?} (p50), {:.0?} (p95), {:.0?} (max); accepted ones answered after \
         {:.1?} (p50), {:.1?} (p95); {places} places x {service_time:.0?} = {bound:.1?}",
        refused.len(),
        of_refused(50),
        of_refused(95),
        of_refused(100),
        of_accepted(50),
        of_accepted(95),
    );
    assert!(of_accepted(95) <= bound * SLACK, "p95 of {:?}, expected {bound:?} or so", of_accepted(95));

    assert_eq!(exchange(server.socket(), &request).body, right, "and then there is room again");
    let ready = server.get("/readyz").json();
    assert_eq!((&ready["waiting"], &ready["running"]), (&json!(0), &json!(0)));
}

/// The portrait of a person of the sample, small, 24 times in each direction.
fn crowd() -> Vec<u8> {
    const COUNT: u32 = 24;
    let portrait = image::load_from_memory(&sample("Joe Biden")).unwrap().thumbnail(96, 96).to_rgb8();
    let (width, height) = portrait.dimensions();
    let crowd = image::RgbImage::from_fn(COUNT * width, COUNT * height, |x, y| {
        *portrait.get_pixel(x % width, y % height)
    });
    let mut file = Cursor::new(Vec::new());
    crowd.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

/// The value of a metric without labels.
fn metric(server: &Server, name: &str) -> f64 {
    let metrics = server.get("/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_photo_that_nobody_waits_for_any_more_is_not_looked_at_to_its_end() {
    // On one core, where hundreds of faces take many times the second that the request may take.
    let mut program = facerec();
    program.env("RAYON_NUM_THREADS", "1");
    let limits = ["--workers", "1", "--request-timeout-s", "1"];
    let server = Server::start_as(program, sample_data(), &limits);
    let crowd = crowd();
    for path in ["/recognize_faces", "/v1/recognize"] {
        let (content_type, body) = Form::new().file("file", "crowd.png", &crowd).finish();
        assert_eq!(exchange(server.socket(), &post_to(path, &content_type, &body)).status, 503, "{path}");
    }
    wait_until("the work ends", || metric(&server, "facerec_jobs_running") == 0.0);
    for faces in ["facerec_faces_matched_total", "facerec_faces_unknown_total"] {
        assert_eq!(metric(&server, faces), 0.0, "nobody was told of {faces}");
    }
}
