//! The end while there is much to do: what was accepted is answered, what was answered is kept.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use facerec::gallery::store;

use super::{enrollment, portrait, recognized};
use crate::support::http::{Answer, Client, form, post, post_head};
use crate::support::server::{Server, sample_folder, wait_until};

const WRITERS: usize = 4;
const READERS: usize = 6;
/// Requests answered before the service is told to stop.
const ANSWERS: usize = 30;

/// Sends one request after the other until the service has hung up; the answers.
fn ask_until_the_end(
    address: SocketAddr,
    answered: &AtomicUsize,
    request: impl Fn(usize) -> Vec<u8>,
) -> Vec<Answer> {
    let mut client = Client::connect(address);
    let answer = |number| {
        client.try_send(&request(number)).ok()?;
        let answer = client.try_answer()?;
        answered.fetch_add(1, Ordering::Relaxed);
        Some(answer)
    };
    (0..).map_while(answer).collect()
}

#[test]
fn stopped_under_load_it_answers_what_it_took_and_keeps_what_it_answered() {
    let mut server = Server::sample(&["--queue", "64"]);
    let (address, right) = (server.socket(), recognized(&server));
    let photo = &std::fs::read(portrait()).unwrap();
    let group_photo = &std::fs::read(sample_folder().join("group.jpg")).unwrap();
    let group = &post(group_photo);
    let answered = &AtomicUsize::new(0);
    let (enrolled, recognized) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    ask_until_the_end(address, answered, |n| {
                        enrollment(&format!("Person {writer}-{n}"), photo)
                    })
                })
            })
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|_| scope.spawn(move || ask_until_the_end(address, answered, |_| group.clone())))
            .collect();
        wait_until("many are answered", || answered.load(Ordering::Relaxed) >= ANSWERS);
        // One upload is under way: the service has asked for it.
        let upload = form(group_photo);
        let head = post_head(&[&format!("Content-Length: {}", upload.len()), "Expect: 100-continue"]);
        let mut uploading = Client::sending(address, &head);
        assert_eq!(uploading.answer().status, 100);
        server.signal("TERM");
        wait_until("it stops", || server.log().contains("stopping"));
        uploading.send(&upload);
        let mut recognized = vec![uploading.answer()];
        let join = |threads: Vec<std::thread::ScopedJoinHandle<'_, Vec<Answer>>>| {
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        };
        recognized.extend(join(readers));
        (join(writers), recognized)
    });
    assert_eq!(server.wait().code(), Some(0));
    wait_until("the log is complete", || server.log().contains("\"stopped\""));
    assert!(server.log().contains("\"finished\":true"), "{}", server.log());

    assert!(recognized.iter().all(|answer| (answer.status, &answer.body) == (200, &right)), "{recognized:?}");
    assert!(enrolled.iter().all(|answer| answer.status == 201), "{enrolled:?}");
    // One more than these was answered, before.
    let accepted = server.log().matches("\"answered\"").count() - 1;
    assert_eq!(enrolled.len() + recognized.len(), accepted, "whose request was taken has the answer");
    let stored = store::read(&server.data.path().join(store::FILE_NAME)).unwrap();
    for person in enrolled {
        assert!(stored.person(person.json()["id"].as_str().unwrap()).is_some(), "lost: {}", person.body);
    }
}
