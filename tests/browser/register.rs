//! Register: a session from its beginning to its close, and the kiosk with a camera.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::browser::{DESKTOP, Key, PHONE, Tab};
use crate::server::Server;
use crate::{STRANGER, TWO, sample, service_with};

/// Begins a session of everybody and returns its id.
pub(crate) fn begin(tab: &Tab, title: &str) -> String {
    tab.go_to("register");
    tab.wait_text("#register-count", "session");
    tab.type_into("#session-name", title);
    tab.click("#session-form button");
    tab.wait_text("#session-title", title);
    let id = tab.run("return decodeURIComponent(location.hash.split('/')[1])");
    id.as_str().unwrap().to_owned()
}

pub(crate) fn session(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/sessions/{id}")).json()
}

/// Name and status of each entry of these people, in the list's own order.
pub(crate) fn statuses(session: &Value, people: &[&str]) -> Vec<(String, String)> {
    let entries = session["entries"].as_array().unwrap().iter();
    let pair = |entry: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&entry["person"]["name"]), text(&entry["status"]))
    };
    let mut pairs: Vec<_> = entries.map(pair).filter(|(name, _)| people.contains(&name.as_str())).collect();
    pairs.sort();
    pairs
}

pub(crate) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

const EVERYBODY: [&str; 3] = [TWO[0], TWO[1], STRANGER];

#[test]
fn a_class_is_taken_from_a_photo_corrected_and_closed() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, PHONE) else { return };
    let id = begin(&tab, "Maths");
    assert_eq!(tab.texts("#session-here .name"), Vec::<String>::new());
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of ");
    assert_eq!(tab.texts("#session-here .name"), TWO);
    assert!(tab.texts("#session-missing .about").iter().any(|about| about.contains("no photo enrolled")));
    assert_eq!(tab.texts("#session-unsure .name"), ["Unknown face"]);
    let drawn = "return [...document.querySelectorAll('#session-here canvas, #session-unsure canvas')]
        .every((canvas) => canvas.getContext('2d').getImageData(48, 48, 1, 1).data[3] === 255)";
    assert_eq!(tab.run(drawn), json!(true), "each has its face");

    // The face without a name gets one, and its person is here.
    tab.type_into("#session-unsure input", STRANGER);
    tab.click("#session-unsure button");
    tab.wait_text("#session-count", "3 of ");
    assert_eq!(tab.texts("#session-unsure li"), Vec::<String>::new());

    // By hand, and back.
    let joe = "#session-here .attendee:nth-child(3)";
    assert_eq!(tab.text(&format!("{joe} .name")), TWO[1]);
    tab.click(&format!("{joe} .chip:nth-child(2)"));
    tab.wait_text("#session-count", "2 of ");
    let expected = pairs(&[(TWO[0], "present"), (STRANGER, "present"), (TWO[1], "absent")]);
    assert_eq!(statuses(&session(&server, &id), &EVERYBODY), expected);
    tab.wait_text("#session-missing", "by ");
    let undo = "return [...document.querySelectorAll('#session-missing .chip')].find((chip) => chip.textContent === 'undo').click()";
    tab.run(undo);
    tab.wait_text("#session-count", "3 of ");

    tab.click("#session-close");
    tab.wait_text("#sure-title", "Close this session?");
    tab.click("#sure-yes");
    tab.wait_text("#session-about", "closed");
    assert!(!tab.is_seen("#session-add") && !tab.is_seen("#session-kiosk"));
    assert_eq!(session(&server, &id)["state"], "closed");
    tab.go_to("register");
    tab.wait_text("#register-rows", "closed");
    tab.close();
}

/// A class of public figures; of two of them no face is enrolled.
const ROSTER: &str = "Name,ID,Class\nBarack Obama,P-1,7A\nJoe Biden,P-2,7A\nGrace Hopper,P-3,7A\nAda Lovelace,P-4,7A\nEileen Collins,P-5,7B\n";

#[test]
fn a_class_of_the_roster_has_a_list_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("roster.csv"), ROSTER).unwrap();
    for person in TWO {
        let folder = data.path().join("people").join(person);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(sample("people").join(person).join("portrait.jpg"), folder.join("portrait.jpg"))
            .unwrap();
    }
    let server = Server::start(data, &["--model", "casia"]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.go_to("register");
    tab.wait_until("the groups", "return document.querySelectorAll('#session-group option').length === 3");
    tab.run("document.getElementById('session-group').value = '7A'");
    let id = begin(&tab, "Maths");
    tab.wait_text("#session-about", "7A · ");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of 4 here");
    let excuse = "return [...document.querySelectorAll('#session-missing .chip')]
        .find((chip) => chip.getAttribute('aria-label') === 'Ada Lovelace: excused').click()";
    tab.run(excuse);
    tab.wait_text("#session-missing .about", "excused");
    tab.click("#session-here .attendee:nth-child(2) .chip");
    tab.wait_text("#session-here", "late");
    tab.run("document.activeElement.blur()");
    tab.picture("register");
    let people = ["Ada Lovelace", TWO[0], "Grace Hopper", TWO[1]];
    let expected = [
        ("Ada Lovelace", "excused"),
        (TWO[0], "present"),
        ("Grace Hopper", "not_enrolled"),
        (TWO[1], "late"),
    ];
    assert_eq!(statuses(&session(&server, &id), &people), pairs(&expected));
    tab.close();
}

#[test]
fn a_photo_that_cannot_be_used_is_named_and_the_others_count() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    begin(&tab, "Physics");
    tab.choose("#session-photos", &[sample("roster.xlsx"), sample("people/Joe Biden/portrait.jpg")]);
    tab.wait_text("#session-count", "1 of ");
    tab.wait_text("#session-notice", "roster.xlsx: ");
    tab.close();
}

#[test]
fn the_kiosk_records_whom_its_camera_sees_and_what_it_saw_without_a_connection() {
    let server = service_with(&TWO, &[]);
    let Some((tab, id)) = kiosk_offline(&server) else { return };
    assert_eq!(session(&server, &id)["photos"], 0);
    set_offline(&tab, false);
    tab.wait_text("#kiosk-seen", TWO[0]);
    tab.wait_text("#kiosk-seen", TWO[1]);
    tab.wait_text("#kiosk-state", "Look at the camera");
    // The same people again are no news: the picture they were first seen in is the only one.
    let found = session(&server, &id);
    assert_eq!(statuses(&found, &TWO), pairs(&[(TWO[0], "present"), (TWO[1], "present")]));
    assert_eq!(found["photos"], 1);
    tab.click("#kiosk-leave");
    tab.wait_text("#session-count", "2 of ");
    assert_eq!(
        tab.run("return document.getElementById('kiosk-picture').srcObject?.active ?? false"),
        json!(false)
    );
    tab.close();
}

/// A kiosk that sees three people and has no connection, and the id of its session.
fn kiosk_offline(server: &Server) -> Option<(Tab, String)> {
    let tab = Tab::open_with_camera(server, DESKTOP, Some(&sample("group.jpg")))?;
    let id = begin(&tab, "Door");
    set_offline(&tab, true);
    tab.click("#session-kiosk");
    tab.wait_text("#kiosk-state", "No connection. 1 picture waiting");
    Some((tab, id))
}

/// As if it was unplugged.
fn stop_camera(tab: &Tab) {
    tab.run("document.getElementById('kiosk-picture').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))");
}

/// Cuts the page's connection, or restores it.
fn set_offline(tab: &Tab, offline: bool) {
    let conditions =
        json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    tab.devtools("Network.enable", &json!({}));
    tab.devtools("Network.emulateNetworkConditions", &conditions);
}

#[test]
fn what_a_kiosk_kept_is_sent_after_it_was_left_and_a_camera_that_stopped_can_be_started_again() {
    let server = service_with(&TWO, &[]);
    let Some((tab, id)) = kiosk_offline(&server) else { return };
    assert_eq!(tab.run("return document.querySelector('.bar').inert"), json!(true));
    tab.click("#kiosk-leave");
    assert_eq!(tab.run("return document.querySelector('.bar').inert"), json!(false));
    set_offline(&tab, false);
    tab.wait_text("#session-count", "2 of ");
    assert_eq!(statuses(&session(&server, &id), &TWO), pairs(&[(TWO[0], "present"), (TWO[1], "present")]));

    tab.click("#session-kiosk");
    tab.wait_text("#kiosk-state", "Look at the camera");
    stop_camera(&tab);
    tab.wait_text("#kiosk-state", "The camera has stopped.");
    tab.click("#kiosk-offer button");
    tab.wait_text("#kiosk-state", "Look at the camera");
    assert!(!tab.is_seen("#kiosk-offer button"));
    tab.close();
}

/// A service in the page: who is in a picture is what its text says, `refused` is refused and `away` gets no answer.
const SIGHTINGS: &str = "
    const { Sightings } = await import('/page/sightings.js');
    const calls = [];
    const real = window.fetch;
    window.fetch = async (address, { body }) => {
        const text = await (body.get('file') ?? body.get('photos')).text();
        calls.push([address.split('?')[0], text, body.get('captured_at') !== null]);
        if (text === 'away') throw new TypeError('no connection');
        if (text === 'refused') return new Response('{}', { status: 415 });
        const faces = [{ person: { id: text, name: text } }];
        return new Response(JSON.stringify(address.startsWith('v1/recognize') ? { faces } : { photos: [{ error: null }] }));
    };
    const sightings = new Sightings('S');
    sightings.group = '';
    const minute = (count) => new Date(count * 60_000);
    const frame = (text, at, isLate = false) => ({ photo: new Blob([text]), at: minute(at), isLate });
    const look = async (text, at) => (await sightings.look(frame(text, at))).length;
    const waiting = () => sightings.waiting.length;
    const { signal } = new AbortController();
";

fn run_sightings(tab: &Tab, script: &str) -> Value {
    tab.run(&format!("{SIGHTINGS} try {{ {script} }} finally {{ window.fetch = real; }}"))
}

#[test]
fn a_kiosk_records_a_person_every_ten_minutes_and_asks_again_only_where_that_helps() {
    let server = service_with(&[], &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    // After the first time: soon again, after ten minutes, before, between the two, long before.
    let repeats = "const found = [];
        for (const at of [100, 105, 110, 111, 95, 105, 89, 90]) found.push(await look('Ada', at));
        return found;";
    assert_eq!(run_sightings(&tab, repeats), json!([1, 0, 0, 1, 0, 0, 1, 0]));
    // Three at once; what is refused is dropped, what gets no answer waits. Late pictures have their time with them.
    let catch_up =
        "for (const text of ['Ada', 'refused', 'Ben', 'away', 'Cem']) sightings.keep(frame(text, 1, true));
        const left = [];
        const seen = (await sightings.catchUp(signal)).map(({ person }) => person.name);
        left.push(waiting());
        await sightings.catchUp(signal).catch(({ status }) => left.push(status));
        left.push(waiting());
        await look('Dan', 2);
        return [seen, left, calls.filter(([address]) => address.endsWith('photos'))];";
    let expected = json!([
        ["Ada", "Ben"],
        [2, 0, 2],
        [
            ["v1/sessions/S/photos", "Ada", true],
            ["v1/sessions/S/photos", "Ben", true],
            ["v1/sessions/S/photos", "Dan", false],
        ]
    ]);
    assert_eq!(run_sightings(&tab, catch_up), expected);
    tab.close();
}

#[test]
fn a_face_joins_the_person_of_its_name_however_it_is_spelt_and_the_focus_stays() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    begin(&tab, "Maths");
    let portrait = sample("people").join(STRANGER).join("portrait.jpg");
    tab.choose("#session-photos", &[sample("group.jpg"), portrait]);
    tab.wait_text("#session-unsure-count", "2");
    tab.wait_until(
        "both",
        "return !document.getElementById('session-notice').textContent.startsWith('Looking')",
    );
    tab.type_into("#session-unsure li:nth-child(1) input", STRANGER);
    tab.click("#session-unsure li:nth-child(1) button");
    tab.wait_text("#session-count", "3 of ");
    // A list that is drawn again in the meantime takes neither what is typed nor the focus.
    tab.type_into("#session-unsure input", "EILEEN_ col");
    let redraw = "document.querySelector('#session-here li').dataset.old = 'yes'; dispatchEvent(new Event('caughtup'))";
    tab.run(redraw);
    tab.wait_until("the list", "return !document.querySelector('[data-old]')");
    assert_eq!(tab.run("return document.activeElement.name"), json!("name"));
    tab.write("lins\n");
    tab.wait_until("the name", "return document.querySelectorAll('#session-unsure li').length === 0");
    let people = server.get("/v1/people").json();
    assert_eq!(people["total"], 3, "{people}");
    // With the keyboard: somebody goes into another column, and the focus with them.
    tab.run("document.querySelector('#session-here .chip:nth-child(2)').focus()");
    let who = "return document.activeElement.closest('.attendee')?.querySelector('.name').textContent ?? ''";
    let name = tab.run(who);
    tab.press(Key::Enter);
    tab.wait_text("#session-count", "2 of ");
    tab.wait_until(
        "the column",
        "return document.querySelectorAll('#session-missing [data-status=absent]').length > 0",
    );
    assert_eq!(tab.run(who), name);
    tab.close();
}

#[test]
fn a_face_that_is_named_counts_for_its_own_session_also_when_another_one_is_in_view() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let first = begin(&tab, "Maths");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of ");
    tab.hold_answers("POST", "/v1/people");
    tab.type_into("#session-unsure input", STRANGER);
    tab.click("#session-unsure button");
    tab.wait_until("the answer", "return window.holding === true");
    let second = begin(&tab, "Physics");
    assert_eq!(tab.texts("#session-here li, #session-unsure li"), Vec::<String>::new());
    tab.release_answers();
    let status = |id: &str| statuses(&session(&server, id), &[STRANGER]);
    let present = pairs(&[(STRANGER, "present")]);
    crate::server::wait_until("the entry", || status(&first) == present);
    assert_eq!(status(&second), pairs(&[(STRANGER, "absent")]));
    assert_eq!(tab.text("#session-title"), "Physics");
    tab.close();
}

/// A service in the page that takes no key at first, and then one that is good for recognising only.
const WITHOUT_A_KEY: &str = "
    const { Sightings } = await import('/page/sightings.js');
    const real = window.fetch;
    let hasKey = false;
    window.fetch = async (address, { method }) => {
        if (!hasKey) return new Response('{}', { status: 401 });
        if (method === 'GET') return new Response('{}', { status: 403 });
        const faces = [{ person: { id: 'Ada', name: 'Ada' } }];
        return new Response(JSON.stringify(address.startsWith('v1/recognize') ? { faces } : { photos: [{ error: null }] }));
    };
    try {
        const sightings = new Sightings('S');
        sightings.keep({ photo: new Blob(['Ada']), at: new Date(), isLate: true });
        const caughtUp = new Promise((resolve) => { addEventListener('caughtup', resolve, { once: true }); });
        const scope = await sightings.catchUp(new AbortController().signal).catch((problem) => problem.scope);
        sightings.leave();
        await new Promise((resolve) => { setTimeout(resolve, 200); });
        const waiting = sightings.waiting.length;
        hasKey = true;
        dispatchEvent(new Event('keychange'));
        await caughtUp;
        return [scope, waiting, sightings.waiting.length];
    } finally {
        window.fetch = real;
    }
";

#[test]
fn a_kiosk_asks_for_a_cameras_key_and_sends_what_it_kept_once_there_is_one() {
    let server = service_with(&[], &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    assert_eq!(tab.run(WITHOUT_A_KEY), json!(["recognize", 1, 0]));
    tab.close();
}

#[test]
fn what_a_kiosk_kept_is_sent_also_when_its_camera_has_stopped() {
    let server = service_with(&TWO, &[]);
    let Some((tab, id)) = kiosk_offline(&server) else { return };
    stop_camera(&tab);
    tab.wait_text("#kiosk-state", "The camera has stopped.");
    set_offline(&tab, false);
    crate::server::wait_until("the picture", || session(&server, &id)["photos"] == 1);
    tab.close();
}

/// A receiver that wants no more of its first message, and takes all others. Returns its address.
fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let status = if at == 0 { "410 Gone" } else { "204 No Content" };
            let mut request = Vec::new();
            let mut part = [0; 4096];
            // Its messages are JSON objects, which end the request.
            while !request.ends_with(b"}") {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    address
}

#[test]
fn a_message_that_its_receiver_did_not_take_is_listed_and_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let url = receiver();
    let more =
        ["--webhook-url", &url, "--webhook-secret-file", secret.to_str().unwrap(), "--webhook-allow-private"];
    let server = service_with(&TWO, &[&more[..], &["--webhook-event", "session.closed"]].concat());
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let id = begin(&tab, "Maths");
    tab.click("#session-close");
    tab.click("#sure-yes");
    tab.wait_text("#session-about", "closed");
    let dead = || server.get("/v1/webhooks/dead-letters").json();
    crate::server::wait_until("the dead letter", || dead()["dead"] == 1);
    tab.go_to("register");
    tab.wait_text("#messages-count", "1 message to other systems was not delivered.");
    tab.wait_text("#messages-rows .name", "A session was closed · Maths");
    assert!(tab.text("#messages-rows .hint").contains("410 Gone"), "{}", tab.text("#messages-rows"));
    tab.click("#messages-rows button");
    tab.wait_text("#register-notice", "1 message will be sent again.");
    crate::server::wait_until("its delivery", || dead()["dead"] == 0 && dead()["pending"] == 0);
    assert_eq!(session(&server, &id)["state"], "closed");
    tab.close();
}
