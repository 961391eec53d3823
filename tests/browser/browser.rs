//! A tab of a browser, as a person uses it: by what is on the page, with the mouse and the keyboard.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::driver::{Driver, PATIENCE, Session};
use crate::server::Server;

/// The field that names an element in `WebDriver`'s answers (W3C `WebDriver`, section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that stand for no character (W3C `WebDriver`, section 17.4.2).
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Tab = 0xE004,
    Enter = 0xE007,
    Escape = 0xE00C,
}

/// Notes what must never happen, from before the page's own first line on.
const WATCH: &str = "window.faults = [];
    addEventListener('securitypolicyviolation', (e) => faults.push(`policy: ${e.violatedDirective} ${e.blockedURI}`));
    addEventListener('error', (e) => faults.push(`error: ${e.message}`));
    addEventListener('unhandledrejection', (e) => faults.push(`rejection: ${e.reason}`));";

/// What kind of screen the tab is on.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) phone: bool,
    pub(crate) dark: bool,
}

pub(crate) const DESKTOP: Screen =
    Screen { name: "desktop", width: 1280, height: 800, phone: false, dark: false };
pub(crate) const PHONE: Screen = Screen { name: "phone", width: 390, height: 844, phone: true, dark: false };

/// An open tab. What must not happen is looked for when it is closed.
pub(crate) struct Tab {
    session: Session,
}

/// An element of the page: the path of its commands below the session.
struct Element(String);

impl Tab {
    /// The page of `server`; `None` on a machine without a browser.
    pub(crate) fn open(server: &Server, screen: Screen) -> Option<Self> {
        Self::open_with_camera(server, screen, None)
    }

    /// The same with a camera that shows a JPEG.
    pub(crate) fn open_with_camera(server: &Server, screen: Screen, camera: Option<&Path>) -> Option<Self> {
        let tab = Self { session: Driver::start()?.session(camera) };
        tab.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCH }));
        tab.set_screen(screen);
        tab.send("/url", &json!({ "url": format!("http://{}/", server.address) }));
        Some(tab)
    }

    /// Closes the tab and looks at what has gone wrong in it: nothing.
    pub(crate) fn close(self) {
        let faults = self.run("return window.faults");
        let log = self.send("/se/log", &json!({ "type": "browser" }));
        assert_eq!(faults, json!([]));
        // An answer that is an error is logged by the browser, and is what some tests want.
        let spoken = log.as_array().unwrap().iter().filter(|entry| entry["source"] != "network");
        assert_eq!(spoken.map(|entry| &entry["message"]).collect::<Vec<_>>(), Vec::<&Value>::new());
    }

    /// A command that can't fail.
    fn send(&self, command: &str, body: &Value) -> Value {
        self.session.post(command, body).unwrap_or_else(|error| panic!("{command} {body}: {error}"))
    }

    /// A command of Chromium's own, past the standard.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.send("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Shows the page as it is printed.
    pub(crate) fn set_print(&self) {
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    }

    /// Has files saved in this directory.
    pub(crate) fn save_to(&self, directory: &Path) {
        let behaviour = json!({ "behavior": "allow", "downloadPath": directory });
        self.devtools("Browser.setDownloadBehavior", &behaviour);
    }

    pub(crate) fn set_screen(&self, screen: Screen) {
        let scale = if screen.phone { 2 } else { 1 };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": scale, "mobile": screen.phone }),
        );
        self.devtools("Emulation.setTouchEmulationEnabled", &json!({ "enabled": screen.phone }));
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Runs JavaScript in the page; it may `await`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.send("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Holds back the answers to requests with this method whose address has this end, until they are released.
    pub(crate) fn hold_answers(&self, method: &str, end: &str) {
        self.run(&format!(
            "const real = window.fetch;
             const held = new Promise((resolve) => {{ window.release = resolve; }});
             window.holding = false;
             window.fetch = async (address, options) => {{
                 const answer = await real(address, options);
                 if ((options?.method ?? 'GET') === '{method}' && new URL(address, location).pathname.endsWith('{end}')) {{
                     window.holding = true;
                     await held;
                 }}
                 return answer;
             }};"
        ));
    }

    /// Lets them go, and the page do what it does with them.
    pub(crate) fn release_answers(&self) {
        self.wait_until("the answer", "return window.holding === true");
        self.run("window.release(); return new Promise((done) => setTimeout(done, 200))");
    }

    /// The elements that are there at this moment.
    fn find(&self, css: &str) -> Vec<Element> {
        let found = self.send("/elements", &json!({ "using": "css selector", "value": css }));
        let path = |element: &Value| Element(format!("/element/{}", element[ELEMENT].as_str().unwrap()));
        found.as_array().unwrap().iter().map(path).collect()
    }

    /// `Err` where the element has gone since.
    fn is_displayed(&self, element: &Element) -> Result<bool, String> {
        Ok(self.session.get(&format!("{}/displayed", element.0))? == json!(true))
    }

    /// What a reader sees of it; `Err` where the element has gone since.
    fn text_of(&self, element: &Element) -> Result<String, String> {
        Ok(self.session.get(&format!("{}/text", element.0))?.as_str().unwrap().to_owned())
    }

    fn type_keys(&self, element: &Element, keys: &str) {
        self.send(&format!("{}/value", element.0), &json!({ "text": keys }));
    }

    /// Asks again until `found` says something.
    fn wait_for<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = found() {
                return value;
            }
            assert!(Instant::now() < end, "waited in vain for {what}; the page says: {}", self.text("body"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The element, once it is there and seen.
    fn element(&self, css: &str) -> Element {
        self.wait_for(css, || {
            let element = self.find(css).into_iter().next()?;
            self.is_displayed(&element).ok()?.then_some(element)
        })
    }

    /// What a reader sees of the first such element; "" where there is none.
    pub(crate) fn text(&self, css: &str) -> String {
        self.find(css).first().and_then(|element| self.text_of(element).ok()).unwrap_or_default()
    }

    /// The same of each such element.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        self.find(css).iter().map(|element| self.text_of(element).unwrap()).collect()
    }

    pub(crate) fn is_seen(&self, css: &str) -> bool {
        self.find(css).first().is_some_and(|element| self.is_displayed(element).unwrap())
    }

    /// Waits until the element says so.
    pub(crate) fn wait_text(&self, css: &str, words: &str) {
        self.wait_for(&format!("{css} to say {words:?}"), || self.text(css).contains(words).then_some(()));
    }

    pub(crate) fn wait_until(&self, what: &str, script: &str) {
        self.wait_for(what, || (self.run(script) == json!(true)).then_some(()));
    }

    pub(crate) fn click(&self, css: &str) {
        let element = self.element(css);
        // The driver does not see that a bar at the edge of the screen lies over it; a person scrolls then.
        self.run(&format!("document.querySelector({css:?}).scrollIntoView({{ block: 'center' }})"));
        self.send(&format!("{}/click", element.0), &json!({}));
    }

    /// Puts `words` into a field in place of what it holds.
    pub(crate) fn type_into(&self, css: &str, words: &str) {
        let field = self.element(css);
        self.send(&format!("{}/clear", field.0), &json!({}));
        self.type_keys(&field, words);
    }

    /// Chooses files in a file field, which need not be seen.
    pub(crate) fn choose(&self, css: &str, files: &[PathBuf]) {
        let paths: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
        let fields = self.find(css);
        self.type_keys(fields.first().expect(css), &paths.join("\n"));
    }

    /// Drops files on the page, by way of a file field.
    pub(crate) fn drop_files(&self, field: &str, files: &[PathBuf]) {
        self.run(&format!(
            "document.querySelector({field:?}).addEventListener('change', (event) => {{
                 event.stopImmediatePropagation();
                 const held = new DataTransfer();
                 for (const file of event.target.files) held.items.add(file);
                 dispatchEvent(new DragEvent('drop', {{ dataTransfer: held, cancelable: true }}));
             }}, {{ capture: true, once: true }});"
        ));
        self.choose(field, files);
    }

    /// Presses a key where the focus is.
    pub(crate) fn press(&self, key: Key) {
        // As the keyboard does it: what is "sent" to a file field would be the name of a file.
        let value = char::from_u32(key as u32).unwrap();
        let strokes = json!([{ "type": "keyDown", "value": value }, { "type": "keyUp", "value": value }]);
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.send("/actions", &json!({ "actions": [keyboard] }));
    }

    /// Types where the focus is.
    pub(crate) fn write(&self, words: &str) {
        let active = self.session.get("/element/active").unwrap();
        self.type_keys(&Element(format!("/element/{}", active[ELEMENT].as_str().unwrap())), words);
    }

    /// Presses Tab until the focus is on such an element, as somebody without a mouse does.
    pub(crate) fn tab_to(&self, css: &str) {
        for _ in 0..60 {
            if self.run(&format!("return document.activeElement.matches({css:?})")) == json!(true) {
                return;
            }
            self.press(Key::Tab);
        }
        panic!("{css} can't be reached with Tab");
    }

    /// Opens one of the views.
    pub(crate) fn go_to(&self, view: &str) {
        self.click(&format!(".views a[data-view={view}]"));
    }

    /// Writes `NAME.png` where `FACEREC_SCREENSHOTS` says; nothing where it says nothing.
    pub(crate) fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("FACEREC_SCREENSHOTS") else { return };
        self.run("scrollTo(0, 0)");
        let picture = self.session.get("/screenshot").unwrap();
        let png = BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }
}
