//! Recognise: the group photo, the stranger in it, and the ways in which a photo can be refused.

use serde_json::json;

use crate::browser::{DESKTOP, Key, Screen, Tab};
use crate::{STRANGER, TWO, golden, sample, service_with};

/// Where the marks are, of the photo's width and height, against where the service says the faces are.
const MARKS: &str = "
    const frame = document.getElementById('photo').getBoundingClientRect();
    return [...document.querySelectorAll('#marks .mark')].map((mark) => {
        const box = mark.getBoundingClientRect();
        return [(box.x - frame.x) / frame.width, (box.y - frame.y) / frame.height,
                box.width / frame.width, box.height / frame.height];
    });";

fn names(tab: &Tab) -> Vec<String> {
    tab.texts("#faces .name")
}

#[test]
fn a_stranger_is_enrolled_from_the_photo_and_then_known() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#summary", "3 faces, 1 unknown");
    assert_eq!(names(&tab), ["Barack Obama", "Joe Biden", "Unknown face"]);
    assert_eq!(tab.texts("#faces .match .id"), ["ID 20090044", "ID 0046"]);
    assert_eq!(tab.texts(".tag i"), ["Barack Obama", "Joe Biden", "Unknown"]);
    assert!(tab.text("#faces .match .numbers").contains("margin"), "{}", tab.text("#faces .match"));
    assert!(tab.text("#faces .unknown .numbers").contains("Nearest is "), "{}", tab.text("#faces .unknown"));

    // Marks lie where the API says, in the middle third for the person in the middle.
    let answer = server.curl("/v1/recognize", &crate::server::form("file", &sample("group.jpg"))).json();
    let (width, height) = (&answer["image"]["width"], &answer["image"]["height"]);
    let marks = tab.run(MARKS);
    for (mark, face) in marks.as_array().unwrap().iter().zip(answer["faces"].as_array().unwrap()) {
        let sides = [("x", width), ("y", height), ("width", width), ("height", height)];
        for ((side, whole), shown) in sides.iter().zip(mark.as_array().unwrap()) {
            let expected = face["box"][side].as_f64().unwrap() / whole.as_f64().unwrap();
            assert!((shown.as_f64().unwrap() - expected).abs() < 0.005, "{side}: {shown} for {expected}");
        }
    }

    tab.type_into("#faces .unknown input", STRANGER);
    tab.click("#faces .unknown button[type=submit]");
    tab.wait_text("#result-notice", "Eileen Collins is enrolled.");
    assert_eq!(tab.text("#summary"), "3 faces, all known");
    assert_eq!(names(&tab), ["Barack Obama", "Joe Biden", STRANGER]);
    assert_eq!(tab.texts("#faces .id").last().unwrap(), "ID STS-93");

    // A second photo of somebody known goes to that person, and one that is there already is refused.
    tab.click("#faces .match .wrong summary");
    tab.type_into("#faces .match input", "Barack Obama");
    tab.click("#faces .match button[type=submit]");
    tab.wait_text("#result-notice", "Barack Obama is enrolled.");
    tab.click("#faces .match .wrong summary");
    tab.type_into("#faces .match input", "Barack Obama");
    tab.click("#faces .match button[type=submit]");
    tab.wait_text("#faces .match .outcome", "This photo is enrolled already.");
    let people = server.get("/v1/people").json();
    let photos: Vec<_> = people["people"].as_array().unwrap().iter().map(|p| p["photos"].clone()).collect();
    assert_eq!(photos, [json!(2), json!(1), json!(1)]);
    tab.close();
}

#[test]
fn a_name_for_somebody_elses_face_is_questioned_and_can_be_forced() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.choose("#photo-file", &[sample("people/Joe Biden/portrait.jpg")]);
    tab.wait_text("#summary", "One face, and known");
    tab.click("#faces .wrong summary");
    tab.type_into("#faces input", "Somebody Else");
    tab.click("#faces button[type=submit]");
    tab.wait_text("#faces .outcome", "It looks like Joe Biden: distance 0.");
    tab.click("#faces .outcome button");
    tab.wait_text("#result-notice", "Somebody Else is enrolled.");
    let people = server.get("/v1/people?q=somebody").json();
    assert_eq!(people["people"][0]["photos"], 1);
    tab.close();
}

#[test]
fn a_turned_photo_is_shown_and_marked_upright() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let upright =
        server.curl("/v1/recognize", &crate::server::form("file", &golden("photos/exif_1.jpg"))).json();
    for orientation in [6, 3, 8] {
        let photo = golden(&format!("photos/exif_{orientation}.jpg"));
        let answer = server.curl("/v1/recognize", &crate::server::form("file", &photo)).json();
        assert_eq!(answer["image"]["orientation"], orientation);
        tab.run("document.getElementById('faces').replaceChildren()");
        let field = if tab.is_seen("#welcome") { "#photo-file" } else { "#photo-next" };
        tab.choose(field, &[photo]);
        tab.wait_until("the faces", "return document.querySelectorAll('#faces .face').length > 0");
        assert!(!tab.is_seen("#stage-notice"), "{}", tab.text("#stage-notice"));
        let shown =
            tab.run("const p = document.getElementById('photo'); return [p.naturalWidth, p.naturalHeight]");
        assert_eq!(shown, json!([upright["image"]["width"], upright["image"]["height"]]));
    }
    tab.close();
}

#[test]
fn what_is_no_photo_and_what_shows_nobody_is_said_in_plain_words() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.choose("#photo-file", &[sample("roster.xlsx")]);
    tab.wait_text("#result-notice", "This is not a kind of picture that the service knows.");
    #[cfg(not(feature = "phone-photos"))]
    {
        tab.choose("#photo-next", &[golden("imaging/phone/portrait.heic")]);
        tab.wait_text(
            "#result-notice",
            "HEIC photos are not read here: on an iPhone choose Settings > Camera",
        );
    }
    tab.choose("#photo-next", &[golden("photos/no_face.png")]);
    tab.wait_text("#summary", "No face found");
    assert!(!tab.is_seen("#result-notice .bad"));
    // A format that the service reads and the browser does not.
    tab.choose("#photo-next", &[golden("imaging/decoders/rgb.tif")]);
    tab.wait_text("#stage-notice", "Your browser can’t show this kind of picture");
    tab.close();
}

#[test]
fn a_busy_service_is_asked_again() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    // The first five answers are those of a full queue; later ones are the service's own.
    tab.run(
        "const real = window.fetch; let refused = 0;
         window.fetch = (address, options) => {
             if (!String(address).startsWith('v1/recognize') || refused >= 5) return real(address, options);
             refused += 1;
             const body = JSON.stringify({ code: 'busy', detail: 'full', status: 503 });
             return Promise.resolve(new Response(body, { status: 503, headers: { 'Retry-After': '1' } }));
         };",
    );
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#result-notice", "The service is busy. Trying again in 1 s");
    tab.wait_text("#result-notice", "Shall this page go on trying by itself?");
    tab.click("#result-notice .button:not(.quiet)");
    tab.wait_text("#summary", "3 faces, 1 unknown");
    tab.close();
}

#[test]
fn everything_can_be_done_without_a_mouse() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.tab_to(".skip");
    tab.press(Key::Enter);
    tab.tab_to("#photo-file");
    // What the chooser of files would do once Enter has opened it.
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#summary", "3 faces, 1 unknown");
    assert_eq!(tab.run("return document.activeElement.id"), json!("summary"));
    tab.tab_to("#faces .unknown input");
    tab.write(STRANGER);
    tab.press(Key::Enter);
    tab.wait_text("#summary", "3 faces, all known");
    tab.wait_until("the focus", "return document.activeElement.id === 'summary'");
    tab.run("document.querySelector('.brand').focus()");
    tab.tab_to(".views a[data-view=people]");
    tab.press(Key::Enter);
    tab.wait_text("#people-count", "3 people enrolled");
    assert_eq!(tab.run("return document.activeElement.id"), json!("people-title"));
    tab.tab_to("#people-rows li:last-child a");
    tab.press(Key::Enter);
    tab.wait_text("#person-title", STRANGER);
    tab.tab_to("#person-delete");
    tab.press(Key::Enter);
    tab.wait_text("#sure-title", "Delete Eileen Collins?");
    // The safe answer has the focus; Escape is another one.
    assert_eq!(tab.run("return document.activeElement.value"), json!("no"));
    tab.press(Key::Escape);
    tab.wait_until("the focus back", "return document.activeElement.id === 'person-delete'");
    tab.press(Key::Enter);
    tab.tab_to("#sure-yes");
    tab.press(Key::Enter);
    tab.wait_text("#people-count", "2 people enrolled");
    tab.close();
}

#[test]
fn a_photo_is_taken_with_the_camera() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, Screen { height: 900, ..DESKTOP }) else { return };
    tab.click("#camera-open");
    tab.wait_until("the camera", "return !document.getElementById('camera-take').disabled");
    tab.click("#camera-take");
    // The test picture of the browser's camera has no face.
    tab.wait_text("#summary", "No face found");
    assert_eq!(tab.run("return document.getElementById('camera-picture').srcObject"), json!(null));
    tab.close();
}

#[test]
fn over_http_from_another_machine_the_page_says_why_there_is_no_camera() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    assert!(!tab.is_seen("#camera-missing") && tab.is_seen("#camera-open"), "this machine counts as safe");
    let elsewhere = "Object.defineProperty(window, 'isSecureContext', { value: false });";
    tab.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": elsewhere }));
    tab.run("location.reload()");
    tab.wait_text("#camera-missing", "browsers allow it only to pages that came over HTTPS");
    assert!(!tab.is_seen("#camera-open"));
    tab.close();
}

#[test]
fn a_camera_that_was_allowed_too_late_is_off() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.run(
        "window.tracks = [];
         const devices = navigator.mediaDevices;
         const real = devices.getUserMedia.bind(devices);
         devices.getUserMedia = async (wanted) => {
             const stream = await real(wanted);
             await new Promise((allowed) => setTimeout(allowed, 500));
             window.tracks.push(...stream.getTracks());
             return stream;
         };",
    );
    for _ in 0..2 {
        tab.click("#camera-open");
        tab.click("#camera-dialog [data-close]");
    }
    tab.wait_until("both streams", "return window.tracks.length === 2");
    tab.wait_until("their end", "return window.tracks.every((track) => track.readyState === 'ended')");
    tab.close();
}
