//! How the page looks and speaks: names of all controls, contrast, narrow screens, dark and light.

use serde_json::json;

use crate::browser::{DESKTOP, PHONE, Screen, Tab};
use crate::{STRANGER, TWO, sample, service_with};

/// Controls without a name for a screen reader, ids that are there twice, pictures without words.
const NAMELESS: &str = "
    const seen = (e) => e.getClientRects().length > 0;
    const label = (e) => e.getAttribute('aria-label') || e.innerText?.trim()
        || [...(e.labels ?? [])].map((l) => l.textContent.trim()).join('')
        || (e.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('').trim();
    const controls = 'a, button, input, select, textarea, summary, dialog, nav, section, [role=search]';
    const nameless = [...document.querySelectorAll(controls)]
        .filter((e) => (seen(e) || e.tagName === 'DIALOG') && !label(e) && e.getAttribute('role') !== 'search');
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    const dangling = [...document.querySelectorAll('[aria-describedby], [aria-labelledby], label[for]')]
        .flatMap((e) => ['aria-describedby', 'aria-labelledby', 'for'].flatMap((a) => (e.getAttribute(a) ?? '').split(' ')))
        .filter((id) => id && !document.getElementById(id));
    const wordless = [...document.querySelectorAll('img')].filter((e) => seen(e) && !e.alt);
    const headings = [...document.querySelectorAll('h1')].filter(seen).length;
    return [nameless, twice, dangling, wordless].map((a) => a.map((e) => e.outerHTML ?? e)).concat(headings);";

/// Texts whose contrast with what is behind them is under WCAG's 4.5, or 3 for large ones.
const FAINT: &str = "
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => colour.slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] > 200) return colour;
        }
        return [255, 255, 255, 255];
    };
    const faint = [];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const element = words.currentNode.parentElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        if (!words.currentNode.data.trim() || box.width < 2 || element.closest('.skip, [disabled], .unseen')) continue;
        const [a, b] = [light(rgba(style.color)), light(behind(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 600);
        if (contrast < (large ? 3 : 4.5)) faint.push(`${words.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
    }
    return faint;";

/// What is wider than the screen, and what is too small for a thumb (24 px, WCAG 2.5.8).
const CRAMPED: &str = "
    const wide = document.documentElement.scrollWidth > innerWidth ? [`page: ${document.documentElement.scrollWidth}`] : [];
    const small = [...document.querySelectorAll('a, button, input, summary')]
        .filter((e) => e.getClientRects().length > 0 && !e.closest('.skip'))
        .filter((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < 24)
        .map((e) => e.outerHTML);
    return wide.concat(small);";

fn check(tab: &Tab, view: &str) {
    let [nameless, twice, dangling, wordless] = [0, 1, 2, 3].map(|_| json!([]));
    assert_eq!(tab.run(NAMELESS), json!([nameless, twice, dangling, wordless, 1]), "{view}");
    assert_eq!(tab.run(FAINT), json!([]), "{view}");
    assert_eq!(tab.run(CRAMPED), json!([]), "{view}");
}

/// Through all views on one screen, with a picture of each.
fn walk(screen: Screen) {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, screen) else { return };
    let look = |view: &str| {
        tab.wait_until("the view", "return document.getAnimations().length === 0");
        check(&tab, view);
        let scheme = if screen.dark { "dark" } else { "light" };
        tab.picture(&format!("{view}-{}-{scheme}", screen.name));
    };
    tab.wait_text("#recognise-title", "Who is in this photo?");
    look("welcome");
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#summary", "3 faces, 1 unknown");
    look("recognise");
    tab.type_into("#faces .unknown input", STRANGER);
    tab.click("#faces .unknown button[type=submit]");
    tab.wait_text("#summary", "3 faces, all known");
    check(&tab, "enrolled");
    tab.go_to("register");
    tab.wait_text("#register-count", "No session yet.");
    look("register");
    tab.type_into("#session-name", "Maths");
    tab.click("#session-form button");
    tab.wait_text("#session-title", "Maths");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "3 of ");
    look("session");
    tab.go_to("people");
    tab.wait_text("#people-count", "3 people enrolled");
    look("people");
    tab.click("#people-rows a");
    tab.wait_text("#person-about", "1 photo");
    look("person");
    tab.click("#person-delete");
    tab.wait_text("#sure-title", "Delete Barack Obama?");
    check(&tab, "sure");
    tab.click("#sure-dialog [value=no]");
    tab.go_to("roster");
    tab.wait_text("#roster-rows", "Barack Obama");
    look("roster");
    tab.click("#key-open");
    tab.wait_text("#key-title", "Key");
    check(&tab, "key");
    tab.close();
}

#[test]
fn on_a_desktop() {
    walk(DESKTOP);
}

#[test]
fn on_a_desktop_in_the_dark() {
    walk(Screen { dark: true, ..DESKTOP });
}

#[test]
fn on_a_phone() {
    walk(PHONE);
}

#[test]
fn on_a_phone_in_the_dark() {
    walk(Screen { dark: true, ..PHONE });
}

#[test]
fn on_the_narrowest_phone() {
    walk(Screen { name: "narrow", width: 320, height: 640, ..PHONE });
}
