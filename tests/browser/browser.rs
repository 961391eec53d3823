//! A tab of a browser, as a person uses it: by what is on the page, with the mouse and the keyboard.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::driver::Driver;
use crate::server::Server;

/// How long something is waited for; far longer than it should ever take.
const PATIENCE: Duration = Duration::from_mins(1);

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
    runtime: Runtime,
    client: Client,
    session: String,
    driver: Driver,
}

impl Tab {
    /// The page of `server`; `None` on a machine without a browser.
    pub(crate) fn open(server: &Server, screen: Screen) -> Option<Self> {
        let driver = Driver::start()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(driver.capabilities());
        let client = runtime.block_on(builder.connect(&driver.address)).expect("the browser starts");
        let session = runtime.block_on(client.session_id()).unwrap().expect("a session has an id");
        let tab = Self { runtime, client, session, driver };
        tab.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCH }));
        tab.set_screen(screen);
        tab.runtime.block_on(tab.client.goto(&format!("http://{}/", server.address))).unwrap();
        Some(tab)
    }

    /// Closes the tab and looks at what has gone wrong in it: nothing.
    pub(crate) fn close(self) {
        let faults = self.run("return window.faults");
        let log = self.driver.send(&self.session, "se/log", &json!({ "type": "browser" }));
        self.runtime.block_on(self.client.close()).unwrap();
        assert_eq!(faults, json!([]));
        // An answer that is an error is logged by the browser, and is what some tests want.
        let spoken = log.as_array().unwrap().iter().filter(|entry| entry["source"] != "network");
        assert_eq!(spoken.map(|entry| &entry["message"]).collect::<Vec<_>>(), Vec::<&Value>::new());
    }

    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.driver.send(&self.session, "goog/cdp/execute", &body)
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
        self.runtime.block_on(self.client.execute(script, vec![])).unwrap_or_else(|e| panic!("{script}: {e}"))
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
            let element = self.runtime.block_on(self.client.find(Locator::Css(css))).ok()?;
            self.runtime.block_on(element.is_displayed()).ok()?.then_some(element)
        })
    }

    /// What a reader sees of the first such element; "" where there is none.
    pub(crate) fn text(&self, css: &str) -> String {
        let found = self.runtime.block_on(self.client.find(Locator::Css(css)));
        found.and_then(|element| self.runtime.block_on(element.text())).unwrap_or_default()
    }

    /// The same of each such element.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let elements = self.runtime.block_on(self.client.find_all(Locator::Css(css))).unwrap();
        elements.iter().map(|element| self.runtime.block_on(element.text()).unwrap()).collect()
    }

    pub(crate) fn is_seen(&self, css: &str) -> bool {
        let found = self.runtime.block_on(self.client.find(Locator::Css(css)));
        found.is_ok_and(|element| self.runtime.block_on(element.is_displayed()).unwrap())
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
        self.runtime.block_on(element.click()).unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Puts `words` into a field in place of what it holds.
    pub(crate) fn type_into(&self, css: &str, words: &str) {
        let field = self.element(css);
        self.runtime.block_on(field.clear()).unwrap();
        self.runtime.block_on(field.send_keys(words)).unwrap();
    }

    /// Chooses files in a file field.
    pub(crate) fn choose(&self, css: &str, files: &[PathBuf]) {
        let paths: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
        let field = self.runtime.block_on(self.client.find(Locator::Css(css))).unwrap();
        self.runtime.block_on(field.send_keys(&paths.join("\n"))).unwrap();
    }

    /// Presses a key where the focus is.
    pub(crate) fn press(&self, key: Key) {
        // As the keyboard does it: what is "sent" to a file field would be the name of a file.
        let value = char::from(key);
        let stroke = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value });
        let stroke = stroke.then(KeyAction::Up { value });
        self.runtime.block_on(self.client.perform_actions(stroke)).unwrap();
    }

    /// Types where the focus is.
    pub(crate) fn write(&self, words: &str) {
        let active = self.runtime.block_on(self.client.active_element()).unwrap();
        self.runtime.block_on(active.send_keys(words)).unwrap();
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
        let png = self.runtime.block_on(self.client.screenshot()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), png).unwrap();
    }
}
