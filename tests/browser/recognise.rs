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
    assert!(
        tab.text("#faces .match").contains(" strangers would look this alike"),
        "{}",
        tab.text("#faces .match")
    );
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
fn a_question_that_is_asked_again_at_once_is_answered_once() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.click(".views a[data-view=people]");
    tab.wait_text("#people-count", "2 people enrolled");
    tab.click("#people-rows li:last-child a");
    tab.wait_until("the person", "return document.getElementById('person-delete').checkVisibility()");
    // The event of the first closing comes when the dialog is open again.
    tab.run(
        "const [button, dialog] = ['person-delete', 'sure-dialog'].map((id) => document.getElementById(id));
         button.click(); dialog.close('no'); button.click();",
    );
    tab.wait_until("the dialog", "return document.getElementById('sure-dialog').open");
    tab.click("#sure-yes");
    tab.wait_text("#people-count", "1 person enrolled");
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

/// Collects the tracks of the page's camera in `window.tracks`. It is allowed after so many milliseconds.
fn watch_camera(tab: &Tab, delay_ms: u32) {
    tab.run(&format!(
        "window.tracks = [];
         const devices = navigator.mediaDevices;
         const real = devices.getUserMedia.bind(devices);
         devices.getUserMedia = async (wanted) => {{
             const stream = await real(wanted);
             await new Promise((allowed) => setTimeout(allowed, {delay_ms}));
             window.tracks.push(...stream.getTracks());
             return stream;
         }};"
    ));
}

#[test]
fn a_camera_that_was_allowed_too_late_is_off() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    watch_camera(&tab, 500);
    for _ in 0..2 {
        tab.click("#camera-open");
        tab.click("#camera-dialog [data-close]");
    }
    tab.wait_until("both streams", "return window.tracks.length === 2");
    tab.wait_until("their end", "return window.tracks.every((track) => track.readyState === 'ended')");
    tab.close();
}

#[test]
fn a_camera_whose_picture_cannot_be_shown_is_off() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    watch_camera(&tab, 0);
    tab.run("HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('interrupted', 'AbortError'))");
    tab.click("#camera-open");
    tab.wait_text("#camera-notice", "The camera can’t be used.");
    assert_eq!(tab.run("return window.tracks.map((track) => track.readyState)"), json!(["ended"]));
    tab.close();
}

#[test]
fn of_several_photos_that_are_dropped_at_once_each_has_a_result() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let astronaut = golden("photos/astronaut.png");
    tab.drop_files("#photo-file", &[sample("group.jpg"), sample("roster.xlsx"), astronaut]);
    tab.wait_text("#batch-total", "3 of 3 looked at, 1 without an answer: 4 faces, 2 unknown");
    assert_eq!(tab.texts("#batch-rows .file-name"), ["group.jpg", "roster.xlsx", "astronaut.png"]);
    assert_eq!(tab.texts("#batch-rows .state"), ["3 faces, 1 unknown", "No answer", "One face, unknown"]);
    assert_eq!(
        (tab.text("#batch-place"), tab.text("#summary")),
        ("Photo 1 of 3".into(), "3 faces, 1 unknown".into())
    );
    tab.click("#batch-later");
    tab.wait_text("#result-notice", "This is not a kind of picture that the service knows.");
    tab.click("#batch-rows li:last-child button");
    tab.wait_text("#summary", "One face, unknown");
    assert_eq!(tab.texts("#batch-rows [aria-current] .file-name"), ["astronaut.png"]);

    // Who is named in one photo is looked for in the others.
    tab.wait_until("the face", "return document.querySelector('#faces form')?.hidden === false");
    tab.type_into("#faces input", STRANGER);
    tab.click("#faces button[type=submit]");
    tab.wait_text("#result-notice", "Eileen Collins is enrolled.");
    tab.wait_text("#batch-rows li:first-child .state", "3 faces, all known");
    // After the last comes the first.
    tab.click("#batch-later");
    tab.wait_text("#summary", "3 faces, all known");
    assert_eq!(names(&tab), ["Barack Obama", "Joe Biden", STRANGER]);

    // A single photo has no list.
    tab.choose("#photo-next", &[sample("group.jpg")]);
    tab.wait_until("the list's end", "return document.getElementById('batch').hidden");
    tab.close();
}

/// Answers each request for a recognition with faces of these boxes, all of them a person of this name, in a photo of
/// 1200 x 800 pixels.
fn answer_with(tab: &Tab, boxes: &[[u32; 4]], name: &str) {
    let person = json!({ "id": "01", "name": name, "student_id": null });
    let face = |[x, y, width, height]: &[u32; 4]| {
        json!({ "box": { "x": x, "y": y, "width": width, "height": height }, "decision": "match", "person": person,
                "distance": 0.2, "stranger_probability": 0.0001, "margin": null, "reason": null,
                "candidates": [{ "person": person, "distance": 0.2 }] })
    };
    let answer = json!({ "image": { "width": 1200, "height": 800 }, "faces": boxes.iter().map(face).collect::<Vec<_>>(),
        "unknown_faces": 0, "threshold": null, "false_name_rate": 0.01, "model": "casia", "timings_ms": {} });
    tab.run(&format!(
        "const real = window.fetch;
         window.fetch = (address, options) => (String(address).startsWith('v1/recognize')
             ? Promise.resolve(new Response(JSON.stringify({answer})))
             : real(address, options));"
    ));
}

/// Labels that are cut, that reach over the edge of the photo, or that cover each other.
const BAD_LABELS: &str = "
    const frame = document.getElementById('frame').getBoundingClientRect();
    const labels = [...document.querySelectorAll('.tag > span')];
    const boxes = labels.map((label) => label.getBoundingClientRect());
    const cut = labels.map((label) => label.lastChild).filter((words) => words.scrollWidth > words.clientWidth);
    const outside = boxes.filter((b) => b.left < frame.left - 1 || b.right > frame.right + 1
        || b.top < frame.top - 1 || b.bottom > frame.bottom + 1);
    const over = boxes.filter((a, at) => boxes.slice(at + 1).some((b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
    return [cut.map((words) => words.textContent), outside, over];";

#[test]
fn labels_are_whole_where_there_is_room_also_at_the_edges() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let [left, right, low, middle] =
        [[0, 100, 70, 90], [1130, 100, 70, 90], [1100, 700, 80, 100], [560, 400, 60, 80]];
    answer_with(&tab, &[left, right, low, middle], "Maximiliana Featherstonehaugh");
    tab.choose("#photo-file", &[golden("photos/no_face.png")]);
    tab.wait_text("#summary", "4 faces, all known");
    assert_eq!(tab.texts(".tag i").len(), 4);
    assert_eq!(tab.run(BAD_LABELS), json!([[], [], []]));
    // As the window gets narrower they are placed anew.
    tab.set_screen(Screen { width: 900, ..DESKTOP });
    tab.wait_until("another frame", "return new Promise((done) => setTimeout(() => done(true), 200))");
    assert_eq!(tab.run(BAD_LABELS), json!([[], [], []]));
    tab.close();
}

#[test]
fn labels_of_faces_side_by_side_do_not_cover_a_face() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    // The label of the upper face has no room for the whole name between the two below.
    answer_with(
        &tab,
        &[[560, 300, 80, 100], [460, 390, 80, 100], [660, 390, 80, 100], [0, 300, 80, 100]],
        "Maximiliana Featherstonehaugh",
    );
    tab.choose("#photo-file", &[golden("photos/no_face.png")]);
    tab.wait_text("#summary", "4 faces, all known");
    let covered = tab.run(
        "const at = (e) => e.getBoundingClientRect();
         return [...document.querySelectorAll('.tag > span')].flatMap((label, index) =>
             [...document.querySelectorAll('#marks .mark')].filter((mark, of) => of !== index
                 && at(label).left < at(mark).right && at(mark).left < at(label).right
                 && at(label).top < at(mark).bottom && at(mark).top < at(label).bottom).map(() => index));",
    );
    assert_eq!(covered, json!([]));
    tab.close();
}

#[test]
fn more_than_twelve_faces_are_a_compact_list() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let boxes: Vec<[u32; 4]> = (0..13).map(|at| [80 * at, 100, 60, 80]).collect();
    answer_with(&tab, &boxes[..12], "Ada");
    tab.choose("#photo-file", &[golden("photos/no_face.png")]);
    tab.wait_text("#summary", "12 faces, all known");
    assert!(tab.is_seen("#faces .numbers") && !tab.is_seen("#faces .more"), "twelve are told in full");
    answer_with(&tab, &boxes, "Ada");
    tab.choose("#photo-next", &[golden("photos/no_face.png")]);
    tab.wait_text("#summary", "13 faces, all known");
    assert!(!tab.is_seen("#faces .numbers"), "of thirteen, the names");
    assert_eq!(names(&tab).len(), 13);
    let heights = "return [...document.querySelectorAll('.face')].every((e) => e.offsetHeight < 80)";
    assert_eq!(tab.run(heights), json!(true));
    tab.click("#faces .face:nth-child(2) .more");
    assert!(tab.is_seen("#faces .face:nth-child(2) .numbers"));
    assert_eq!(tab.run("return document.querySelectorAll('.more[aria-expanded=true]').length"), json!(1));
    tab.click("#faces .face:nth-child(2) .more");
    assert!(!tab.is_seen("#faces .face:nth-child(2) .numbers"));
    // A face that is pressed on the photo is opened in the list.
    tab.click("#marks g:nth-child(5)");
    tab.wait_until(
        "its entry",
        "return document.querySelector('.face:nth-child(5)').classList.contains('open')",
    );
    tab.close();
}
