// Session: photos come in, and the list of who is here follows.

import { $, announce, confirmed, make, notice, takeFiles, whileBusy } from "./dom.js";
import { call, download, path, patiently } from "./api.js";
import { canTakePhotos, takePhoto } from "./camera.js";
import { faceOf, forgetFaces, keepFaces, unknownFaces } from "./attendees.js";
import { COLUMNS, fillColumns } from "./columns.js";
import { keyOffer } from "./key.js";
import { counted, problemWords } from "./words.js";

let current = { id: "", session: null };

/** Shows the session with this id. Faces cut from photos are kept as long as it is in view. */
export async function show(id) {
  if (id !== current.id) {
    current = { id, session: null };
    forgetFaces();
    notice($("session-notice"), "");
  }
  await load();
}

async function load() {
  const { id } = current;
  try {
    const session = await call("GET", path(["sessions", id]));
    if (id !== current.id) return;
    current.session = session;
    draw(session);
  } catch (problem) {
    if (id === current.id) fail(problem, load);
  }
}

function fail(problem, again) {
  $("session-body").hidden = !current.session;
  notice($("session-notice"), problemWords(problem), "bad", ...keyOffer(problem, again));
}

function draw(session) {
  const isOpen = session.state === "open";
  const start = new Date(session.start).toLocaleString(undefined, { dateStyle: "full", timeStyle: "short", timeZone: session.time_zone });
  $("session-title").textContent = session.title;
  $("session-about").textContent = [session.group ?? "Everybody", start, isOpen ? "open" : "closed"].join(" · ");
  $("session-body").hidden = false;
  for (const id of ["session-add", "session-camera", "session-kiosk", "session-close"]) $(id).hidden = !isOpen;
  $("session-camera").hidden ||= !canTakePhotos();
  $("session-kiosk").href = `#kiosk/${encodeURIComponent(current.id)}`;
  fillColumns(session, { faceOf, unknown: unknownFaces(), onCorrect: correct, onNamed: named });
  const { counts, entries } = session;
  const members = entries.filter(({ member }) => member).length;
  $("session-count").textContent = `${counts.present + counts.late} of ${members} here`;
}

/** Sends photos one by one, so that each counts as soon as it is recognised. */
export async function addPhotos(files) {
  const { id } = current;
  const refused = [];
  for (const [at, file] of files.entries()) {
    notice($("session-notice"), `Looking at photo ${at + 1} of ${files.length} …`, "");
    try {
      await send(id, file, refused);
    } catch (problem) {
      if (id === current.id) fail(problem, () => addPhotos(files.slice(at)));
      return;
    }
    if (id !== current.id) return;
    await load();
  }
  notice($("session-notice"), refused.join(" "), refused.length === 0 ? "good" : "bad");
  announce($("session-count").textContent);
}

async function send(id, file, refused) {
  const form = new FormData();
  form.append("photos", file, file.name || "photo.jpg");
  const { photos: [photo] } = await patiently(() => call("POST", path(["sessions", id, "photos"]), { form }));
  if (photo.recognition === null) refused.push(`${photo.photo}: ${photo.error.detail}.`);
  else if (id === current.id) await keepFaces(file, photo.recognition);
}

/** Sets somebody's status by hand; `null` withdraws what was set. */
async function correct(button, person, status) {
  await whileBusy(button, async () => {
    try {
      await call("PATCH", path(["sessions", current.id, "entries", person.id]), { json: { status } });
      await load();
      announce(`${person.name}: ${status ?? "as the photos say"}`);
    } catch (problem) {
      fail(problem, () => correct(button, person, status));
    }
  });
}

/** Somebody unknown has a name now: the face is enrolled, and the person is here. */
async function named(personId) {
  await call("PATCH", path(["sessions", current.id, "entries", personId]), { json: { status: "present" } });
  await load();
}

async function close() {
  const missing = current.session.entries.filter(({ status }) => COLUMNS.missing.includes(status)).length;
  const words = `${counted(missing, "person", "people")} will stand as missing. Photos are no longer taken then; corrections still are.`;
  if (!await confirmed("Close this session?", words, "Close it")) return;
  try {
    await call("POST", path(["sessions", current.id, "close"]));
    await load();
    announce("The session is closed.");
  } catch (problem) {
    fail(problem, close);
  }
}

async function save(format) {
  const { id, title, date } = current.session;
  try {
    await download(path(["sessions", id], { format }), `${title} ${date}.${format}`);
  } catch (problem) {
    fail(problem, () => save(format));
  }
}

export function start() {
  $("session-photos").addEventListener("change", () => addPhotos(takeFiles($("session-photos"))));
  $("session-camera").addEventListener("click", async () => {
    const photo = await takePhoto("environment");
    if (photo) await addPhotos([photo]);
  });
  $("session-close").addEventListener("click", close);
  $("session-print").addEventListener("click", () => print());
  for (const format of ["csv", "xlsx"]) {
    $(`session-${format}`).addEventListener("click", (event) => whileBusy(event.currentTarget, () => save(format)));
  }
  // Also when a kiosk that was left has sent what it had kept.
  for (const event of ["keychange", "caughtup"]) addEventListener(event, () => { if (!$("session").hidden) load(); });
}
