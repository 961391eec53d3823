// What a kiosk has seen for a session: whom it recorded and when, and the pictures that wait for the service. It outlasts
// the kiosk's view; nothing of it is stored.

import { Problem, call, key, path } from "./api.js";

/** A person who was recorded is not recorded again for so long, ms. */
const REPEAT_MS = 10 * 60_000;
/** Pictures kept: those of an hour. */
const KEPT = 720;
/** Waiting pictures that are looked at in one step: who stands before the camera comes first. */
const AT_ONCE = 3;
/** Between two steps once the kiosk was left, ms. */
const PAUSE_MS = 5000;

/** The service is away or busy: the picture is worth keeping. */
export const isPassing = (problem) => problem instanceof Problem && (problem.status === 0 || problem.status >= 500);

/** Resolves when another key is in use, or none, and when `signal` says that nobody waits any more. */
const keyChanged = (signal) => new Promise((resolve) => {
  addEventListener("keychange", resolve, { once: true, signal });
  signal.addEventListener("abort", resolve, { once: true });
});

export class Sightings {
  constructor(session) {
    this.session = session;
    this.seen = new Map();
    this.waiting = [];
    this.leaving = null;
  }

  /** Another caller may be told another group, and what waits is looked at by the kiosk again. */
  enter() {
    this.leaving?.abort();
    this.group = undefined;
  }

  /** The kiosk was left, or has lost its camera: what waits is sent as soon as it can be. */
  async leave() {
    this.leaving?.abort();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    while (this.waiting.length > 0 && !signal.aborted) {
      const used = key();
      try {
        await this.catchUp(signal);
        if (this.waiting.length === 0) dispatchEvent(new Event("caughtup"));
      } catch (problem) {
        if (!isPassing(problem) && !problem.wantsKey) return;
        if (problem.wantsKey && key() === used) await keyChanged(signal);
      }
      await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
    }
  }

  keep(frame) {
    this.waiting.push(frame);
    if (this.waiting.length > KEPT) this.waiting.shift();
  }

  /** Looks at a few waiting pictures, the oldest first. One that is refused would be refused again, and is dropped. */
  async catchUp(signal) {
    const seen = [];
    for (const frame of this.waiting.slice(0, AT_ONCE)) {
      try {
        seen.push(...await this.look(frame, signal));
      } catch (problem) {
        if (problem.name === "AbortError" || problem.wantsKey || isPassing(problem)) throw problem;
      }
      this.waiting = this.waiting.filter((other) => other !== frame);
    }
    return seen;
  }

  /** Records whoever is new in a picture; resolves to them, each with the time. */
  async look({ photo, at, isLate }, signal) {
    const faces = await this.recognise(photo, signal);
    const people = faces.map(({ person }) => person).filter((person) => person && this.isNew(person, at));
    if (people.length === 0) return [];
    const form = new FormData();
    // The clock of the service is the better one, for a picture of now.
    if (isLate) form.append("captured_at", at.toISOString());
    form.append("photos", photo, "kiosk.jpg");
    const { photos: [recorded] } = await call("POST", path(["sessions", this.session, "photos"]), { form, signal });
    if (recorded.error) throw new Problem(recorded.error.status, recorded.error);
    for (const { id } of people) this.remember(id, at);
    return people.map((person) => ({ person, at }));
  }

  /** The faces of a picture, the people of the session's group first. */
  async recognise(photo, signal) {
    const form = new FormData();
    form.append("file", photo, "kiosk.jpg");
    const group = await this.groupOf(signal);
    try {
      return (await call("POST", path(["recognize"], { top_k: 1, group }), { form, signal })).faces;
    } catch (problem) {
      if (!group || problem.code !== "not_found") throw problem;
      this.group = ""; // it was deleted
      return this.recognise(photo, signal);
    }
  }

  /** The session's group; "" where there is none, or it is not told to who may not manage people. */
  async groupOf(signal) {
    if (this.group !== undefined) return this.group;
    try {
      this.group = (await call("GET", path(["sessions", this.session]), { signal })).group ?? "";
    } catch (problem) {
      if (!problem.wantsKey) throw problem;
      // Without any key it is recognising that asks for one: a camera's is enough for a kiosk.
      if (problem.status === 401) return "";
      this.group = "";
    }
    return this.group;
  }

  isNew({ id }, at) {
    const known = this.seen.get(id);
    return !known || at < known.first - REPEAT_MS || at > known.last + REPEAT_MS;
  }

  remember(id, at) {
    const { first, last } = this.seen.get(id) ?? { first: Infinity, last: -Infinity };
    this.seen.set(id, { first: Math.min(first, at), last: Math.max(last, at) });
  }
}
