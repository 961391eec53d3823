// Kiosk: a camera that is always on. Whoever is recognised is recorded into the session, with the time.

import { $, make } from "./dom.js";
import { Problem, call, path } from "./api.js";
import { closeCamera, openCamera, still } from "./camera.js";
import { counted, problemWords } from "./words.js";

/** Between two pictures that are looked at, and two that are kept while the service is away, ms. */
const LOOK_MS = 1000;
const OFFLINE_MS = 5000;
/** Pictures kept: those of an hour. */
const KEPT = 3_600_000 / OFFLINE_MS;
/** A person who was recorded is not recorded again for so long, ms. */
const REPEAT_MS = 10 * 60_000;
/** People shown. */
const SHOWN = 6;

/** The running kiosk; `null` where none is. */
let running = null;

class Kiosk {
  constructor(session) {
    this.session = session;
    this.recorded = new Map();
    this.waiting = [];
    this.offline = false;
    this.stopped = new AbortController();
  }

  async run(video) {
    const { signal } = this.stopped;
    this.stream = await openCamera(video, "user");
    if (signal.aborted) closeCamera(this.stream);
    while (!signal.aborted) {
      const begun = performance.now();
      await this.step(video);
      const pause = (this.offline ? OFFLINE_MS : LOOK_MS) - (performance.now() - begun);
      await new Promise((resolve) => { setTimeout(resolve, Math.max(0, pause)); });
    }
  }

  /** Looks at one picture, or keeps it for later; then at what was kept. */
  async step(video) {
    const frame = { photo: await still(video), at: new Date() };
    try {
      await this.look(frame);
      this.offline = false;
      await this.catchUp();
      say(this.session, "Look at the camera");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!isPassing(problem)) {
        say(this.session, problemWords(problem), true);
        return;
      }
      this.offline = true;
      this.keep(frame);
      say(this.session, `No connection. ${counted(this.waiting.length, "picture")} waiting; leave this page open.`, true);
    }
  }

  keep(frame) {
    this.waiting.push(frame);
    if (this.waiting.length > KEPT) this.waiting.shift();
  }

  /** Looks at the kept pictures, the oldest first; each leaves the list once it is dealt with. */
  async catchUp() {
    while (this.waiting.length > 0) {
      await this.look(this.waiting[0]);
      this.waiting.shift();
    }
  }

  async look({ photo, at }) {
    const { signal } = this.stopped;
    const form = new FormData();
    form.append("file", photo, "kiosk.jpg");
    const { faces } = await call("POST", path(["recognize"], { top_k: 1 }), { form, signal });
    const people = faces.map(({ person }) => person).filter((person) => person && this.isNew(person, at));
    if (people.length === 0) return;
    const entry = new FormData();
    entry.append("captured_at", at.toISOString());
    entry.append("photos", photo, "kiosk.jpg");
    const { photos: [recorded] } = await call("POST", path(["sessions", this.session, "photos"]), { form: entry, signal });
    if (recorded.error) throw new Problem(recorded.error.status, recorded.error);
    for (const person of people) {
      this.recorded.set(person.id, at);
      greet(person, at);
    }
  }

  isNew({ id }, at) {
    const last = this.recorded.get(id);
    return last === undefined || Math.abs(at - last) >= REPEAT_MS;
  }

  stop() {
    this.stopped.abort();
    closeCamera(this.stream);
  }
}

/** The service is away or busy: the picture is worth keeping. */
const isPassing = (problem) => problem instanceof Problem && (problem.status === 0 || problem.status >= 500);

function say(session, words, isTrouble = false) {
  if (running?.session !== session) return;
  const state = $("kiosk-state");
  if (state.textContent !== words) state.textContent = words;
  state.classList.toggle("trouble", isTrouble);
}

function greet({ name }, at) {
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const seen = make("li", {}, make("span", { className: "name", textContent: name }), make("time", { dateTime: at.toISOString(), textContent: time }));
  const list = $("kiosk-seen");
  list.prepend(seen);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
}

/** Starts the camera for the session with this id. */
export async function show(session) {
  hide();
  running = new Kiosk(session);
  $("kiosk-seen").replaceChildren();
  $("kiosk-leave").href = `#session/${encodeURIComponent(session)}`;
  say(session, "Starting the camera …");
  try {
    await running.run($("kiosk-picture"));
  } catch (error) {
    say(session, error.message, true);
  }
}

/** Another view is shown: the camera goes off. */
export function hide() {
  running?.stop();
  running = null;
  if (document.fullscreenElement) document.exitFullscreen();
}

export function start() {
  $("kiosk-full").addEventListener("click", () => $("kiosk").requestFullscreen());
  $("kiosk-full").hidden = !document.fullscreenEnabled;
}
