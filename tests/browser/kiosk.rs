//! The kiosk: the whole screen, and an hour without a connection.

use serde_json::{Value, json};

use crate::browser::{DESKTOP, Tab};
use crate::register::begin;
use crate::{TWO, sample, service_with};

#[test]
fn a_kiosk_fills_the_screen_and_gives_it_back() {
    let server = service_with(&TWO, &[]);
    let camera = sample("group.jpg");
    let Some(tab) = Tab::open_with_camera(&server, DESKTOP, Some(&camera)) else { return };
    begin(&tab, "Door");
    tab.click("#session-kiosk");
    tab.wait_text("#kiosk-seen", TWO[0]);
    tab.click("#kiosk-full");
    tab.wait_until("the full screen", "return document.fullscreenElement?.id === 'kiosk'");
    assert!(tab.is_seen("#kiosk-seen"));
    // At the right edge there may be room for a scroll bar, which shows nothing.
    let uncovered = "const { clientWidth: width, clientHeight: height } = document.documentElement;
        const points = [0.002, 0.25, 0.5, 0.75, 0.998].flatMap((x) => [0.002, 0.5, 0.998].map((y) => [x * width, y * height]));
        return points.map(([x, y]) => document.elementFromPoint(x, y))
            .filter((seen) => seen && !seen.closest('#kiosk')).map((seen) => seen.outerHTML.slice(0, 80))";
    assert_eq!(tab.run(uncovered), json!([]), "nothing of the page is in view");
    let size = "const { clientWidth: width, clientHeight: height } = document.documentElement;
        const box = document.getElementById('kiosk').getBoundingClientRect();
        return box.width > 0.9 * width && box.height >= height";
    assert_eq!(tab.run(size), json!(true));
    tab.click("#kiosk-leave");
    tab.wait_text("#session-count", "2 of ");
    tab.wait_until("the page", "return document.fullscreenElement === null");
    assert_eq!(tab.run("return document.querySelector('.bar').inert"), json!(false));
    tab.close();
}

/// A clock that goes on by what the page waits for, and a service that is away for its first 61 minutes. A picture is the
/// time at which it was taken, and shows somebody of that name.
const AWAY: &str = "
    const start = Date.UTC(2026, 10, 26, 8);
    let now = start;
    window.late = [];
    const [RealDate, wait, send] = [Date, setTimeout.bind(window), fetch.bind(window)];
    window.Date = class extends RealDate { constructor(...given) { super(...(given.length > 0 ? given : [now])); } };
    performance.now = () => now;
    window.setTimeout = (job, ms = 0) => wait(() => { now += ms; job(); }, 0);
    HTMLCanvasElement.prototype.toBlob = function (done) { done(new Blob([String(now - start)])); };
    window.fetch = async (address, options) => {
        if (options.method !== 'POST') return send(address, options);
        if (now < start + 61 * 60_000) throw new TypeError('no connection');
        const id = await (options.body.get('file') ?? options.body.get('photos')).text();
        const answer = (value) => new Response(JSON.stringify(value));
        if (address.startsWith('v1/recognize')) return answer({ faces: [{ person: { id, name: id } }] });
        const taken = options.body.get('captured_at');
        if (taken) window.late.push([Number(id) / 1000, (RealDate.parse(taken) - start) / 1000]);
        return answer({ photos: [{ error: null }] });
    };";

#[test]
fn a_kiosk_without_a_connection_keeps_a_picture_every_five_seconds_of_the_last_hour_and_sends_them_all() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open_with_camera(&server, DESKTOP, Some(&sample("group.jpg"))) else { return };
    begin(&tab, "Door");
    tab.run(AWAY);
    tab.click("#session-kiosk");
    tab.wait_until("the pictures", "return window.late.length >= 720");
    tab.wait_text("#kiosk-state", "Look at the camera");
    let found = tab.run("return window.late");
    // Of 61 minutes those of the last 60 are left, the oldest first, each with the time at which it was taken.
    let expected: Vec<Value> = (0..720).map(|at| json!([60 + 5 * at, 60 + 5 * at])).collect();
    assert_eq!(found, Value::from(expected));
    tab.run("location.hash = '#register'");
    tab.close();
}
