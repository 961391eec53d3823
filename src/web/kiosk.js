// Kiosk: a camera that is always on. Whoever is recognised is recorded into the session, with the time.

import { $, make } from "./dom.js";
import { closeCamera, openCamera, still } from "./camera.js";
import { keyOffer } from "./key.js";
import { Sightings, isPassing } from "./sightings.js";
import { counted, problemWords } from "./words.js";

/** Between two pictures that are looked at, and two that are kept while the service is away, ms. */
const LOOK_MS = 1000;
const OFFLINE_MS = 5000;
/** People shown. */
const SHOWN = 6;

/** The running kiosk; `null` where none is. */
let running = null;
/** What was seen for each session, as long as the page is open. */
const known = new Map();

class Kiosk {
  constructor(session) {
    if (!known.has(session)) known.set(session, new Sightings(session));
    this.sightings = known.get(session);
    this.offline = false;
    this.stopped = new AbortController();
  }

  async run(video) {
    const { signal } = this.stopped;
    this.stream = await openCamera(video, "user");
    if (signal.aborted) closeCamera(this.stream);
    for (const track of this.stream.getVideoTracks()) track.addEventListener("ended", () => this.lose());
    while (!signal.aborted) {
      const begun = performance.now();
      await this.step(video);
      const pause = (this.offline ? OFFLINE_MS : LOOK_MS) - (performance.now() - begun);
      await new Promise((resolve) => { setTimeout(resolve, Math.max(0, pause)); });
    }
  }

  /** Looks at one picture, or keeps it for later; then at some of what was kept. */
  async step(video) {
    const { sightings, stopped: { signal } } = this;
    const [photo, at] = [await still(video), new Date()];
    if (!photo) return; // the camera shows nothing yet
    let isKept = false;
    try {
      greet(await sightings.look({ photo, at, isLate: false }, signal));
      isKept = true;
      this.offline = false;
      greet(await sightings.catchUp(signal));
      say(this, "Look at the camera");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!isPassing(problem)) {
        say(this, problemWords(problem), keyOffer(problem, () => say(this, "Look at the camera")));
        return;
      }
      this.offline = true;
      if (!isKept) sightings.keep({ photo, at, isLate: true });
      say(this, `No connection. ${counted(sightings.waiting.length, "picture")} waiting; leave this page open.`, []);
    }
  }

  /** The camera is gone: unplugged, or no longer allowed. */
  lose() {
    if (this.stopped.signal.aborted) return;
    this.stop();
    this.sightings.leave();
    say(this, "The camera has stopped. Is it unplugged, or may this page no longer use it?", [restart(this)]);
  }

  stop() {
    this.stopped.abort();
    closeCamera(this.stream);
  }
}

/** Says how it goes. With `offer`, elements that may help, it is trouble. */
function say(kiosk, words, offer = null) {
  const state = $("kiosk-state");
  // The same words would take the focus from what is offered.
  if (running !== kiosk || state.textContent === words) return;
  state.textContent = words;
  state.classList.toggle("trouble", offer !== null);
  $("kiosk-offer").replaceChildren(...offer ?? []);
}

function restart({ sightings: { session } }) {
  const button = make("button", { type: "button", className: "button quiet", textContent: "Start the camera" });
  button.addEventListener("click", () => show(session));
  return button;
}

/** Shows people as they were seen, the latest first. Who is shown already is not put back to an earlier time. */
function greet(seen) {
  const list = $("kiosk-seen");
  for (const { person, at } of seen) {
    const rows = [...list.children];
    const shown = rows.find(({ dataset }) => dataset.person === person.id);
    if (shown && Number(shown.dataset.at) >= at.getTime()) continue;
    shown?.remove();
    const next = rows.find((row) => row !== shown && Number(row.dataset.at) <= at.getTime());
    list.insertBefore(rowOf(person, at), next ?? null);
    while (list.children.length > SHOWN) list.lastElementChild.remove();
  }
}

function rowOf({ id, name }, at) {
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const row = make("li", {}, make("span", { className: "name", textContent: name }), " ", make("time", { dateTime: at.toISOString(), textContent: time }));
  Object.assign(row.dataset, { person: id, at: String(at.getTime()) });
  return row;
}

/** What lies behind the kiosk can't be reached with the keyboard. */
function coverPage(isCovered) {
  for (const behind of document.querySelectorAll(".bar, .skip")) behind.inert = isCovered;
}

/** Starts the camera for the session with this id. */
export async function show(session) {
  hide();
  const kiosk = new Kiosk(session);
  running = kiosk;
  kiosk.sightings.enter();
  coverPage(true);
  $("kiosk-seen").replaceChildren();
  $("kiosk-leave").href = `#session/${encodeURIComponent(session)}`;
  say(kiosk, "Starting the camera …");
  try {
    await kiosk.run($("kiosk-picture"));
  } catch (error) {
    if (running !== kiosk) return;
    kiosk.sightings.leave();
    say(kiosk, error.message, [restart(kiosk)]);
  }
}

/** Another view is shown: the camera goes off. What waits is sent all the same. */
export function hide() {
  running?.stop();
  running?.sightings.leave();
  running = null;
  coverPage(false);
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

export function start() {
  const full = $("kiosk-full");
  // A browser that refuses it goes on without.
  full.addEventListener("click", () => $("kiosk").requestFullscreen().catch(() => { full.hidden = true; }));
  full.hidden = !document.fullscreenEnabled;
}
