// Session: photos come in, and the list of who is here follows.

import { $, announce, confirmed, notice, takeFiles, whileBusy } from "./dom.js";
import { call, download, path, patiently } from "./api.js";
import { canTakePhotos, takePhoto } from "./camera.js";
import { faceOf, forgetFaces, keepFaces, unknownFaces } from "./attendees.js";
import { COLUMNS, fillColumns } from "./columns.js";
import { keyOffer } from "./key.js";
import { counted, problemWords } from "./words.js";

let current = { id: "", session: null };
/** Number of the newest request for a session: the response to an older one is ignored. */
let asked = 0;

const isShown = (id) => id === current.id;

/** Shows the session with this id. Faces cut from photos are kept as long as it is in view. */
export async function show(id) {
  if (!isShown(id)) {
    current = { id, session: null };
    clear();
  }
  notice($("session-notice"), "");
  await load();
}

async function load() {
  const { id } = current;
  const mine = ++asked;
  try {
    const session = await call("GET", path(["sessions", id]));
    if (mine !== asked) return;
    current.session = session;
    draw(current);
  } catch (problem) {
    if (mine === asked) fail(id, problem);
  }
}

/** Says a problem of a session that is in view still. With a key that is entered then, it is loaded and `again` is run. */
function fail(id, problem, again = () => {}) {
  if (!isShown(id)) return;
  if (problem.wantsKey) clear();
  const retry = async () => {
    notice($("session-notice"), "");
    if (isShown(id)) await load();
    await again();
  };
  notice($("session-notice"), problemWords(problem), "bad", ...keyOffer(problem, retry));
}

/** Nobody stays in view: it is another session, or the key is not good for it any more. */
function clear() {
  current.session = null;
  $("session-body").hidden = true;
  asked += 1;
  forgetFaces();
  $("session-title").textContent = "Session";
  for (const id of ["session-about", "session-count"]) $(id).textContent = "";
  fillColumns({ entries: [] }, { unknown: [] });
}

function draw({ id: own, session }) {
  const isOpen = session.state === "open";
  const start = new Date(session.start).toLocaleString(undefined, { dateStyle: "full", timeStyle: "short", timeZone: session.time_zone });
  $("session-title").textContent = session.title;
  $("session-about").textContent = [session.group ?? "Everybody", start, isOpen ? "open" : "closed"].join(" · ");
  $("session-body").hidden = false;
  for (const id of ["session-add", "session-camera", "session-kiosk", "session-close"]) $(id).hidden = !isOpen;
  $("session-camera").hidden ||= !canTakePhotos();
  $("session-kiosk").href = `#kiosk/${encodeURIComponent(own)}`;
  fillColumns(session, {
    faceOf,
    unknown: unknownFaces(),
    onCorrect: (button, person, status) => correct(own, button, person, status),
    onNamed: (person) => named(own, person),
    onRefused: (problem, again) => fail(own, problem, again),
  });
  const { counts, entries } = session;
  const members = entries.filter(({ member }) => member).length;
  $("session-count").textContent = `${counts.present + counts.late} of ${members} here`;
}

/** Sends photos one by one, so that each counts as soon as it is recognised. */
export async function addPhotos(files, { id } = current) {
  const refused = [];
  for (const [at, file] of files.entries()) {
    if (!isShown(id)) return;
    notice($("session-notice"), `Looking at photo ${at + 1} of ${files.length} …`, "");
    try {
      await send(id, file, refused);
    } catch (problem) {
      fail(id, problem, () => addPhotos(files.slice(at), { id }));
      return;
    }
    if (isShown(id)) await load();
  }
  // Otherwise it is said already why it can't be shown.
  if (!isShown(id) || !current.session) return;
  notice($("session-notice"), refused.join(" "), refused.length === 0 ? "good" : "bad");
  announce($("session-count").textContent);
}

async function send(id, file, refused) {
  const form = new FormData();
  form.append("photos", file, file.name || "photo.jpg");
  const { photos: [photo] } = await patiently(() => call("POST", path(["sessions", id, "photos"]), { form }));
  if (photo.recognition === null) refused.push(`${photo.photo}: ${photo.error.detail}.`);
  else if (isShown(id)) await keepFaces(file, photo.recognition);
}

/** Sets somebody's status by hand; `null` withdraws what was set. */
async function correct(id, button, person, status) {
  await whileBusy(button, async () => {
    try {
      await call("PATCH", path(["sessions", id, "entries", person.id]), { json: { status } });
      await changed(id, `${person.name}: ${status ?? "as the photos say"}`);
    } catch (problem) {
      fail(id, problem, () => correct(id, button, person, status));
    }
  });
}

/** Shows a session that was changed, if it is in view still, and has the change said. */
async function changed(id, words) {
  if (!isShown(id)) return;
  await load();
  announce(words);
}

/** Somebody unknown has a name now: the face is enrolled, and the person is here. */
async function named(id, personId) {
  await call("PATCH", path(["sessions", id, "entries", personId]), { json: { status: "present" } });
  if (isShown(id)) await load();
}

async function askToClose() {
  const { id, session } = current;
  const missing = session.entries.filter(({ status }) => COLUMNS.missing.includes(status)).length;
  const words = `${counted(missing, "person", "people")} will stand as missing. Photos are no longer taken then; corrections still are.`;
  if (!await confirmed("Close this session?", words, "Close it")) return;
  await close(id);
}

async function close(id) {
  try {
    await call("POST", path(["sessions", id, "close"]));
    await changed(id, "The session is closed.");
  } catch (problem) {
    fail(id, problem, () => close(id));
  }
}

async function save(format, session = current.session) {
  const { id, title, date } = session;
  try {
    await download(path(["sessions", id], { format }), `${title} ${date}.${format}`);
  } catch (problem) {
    fail(id, problem, () => save(format, session));
  }
}

export function start() {
  $("session-photos").addEventListener("change", () => addPhotos(takeFiles($("session-photos"))));
  $("session-camera").addEventListener("click", async () => {
    const photo = await takePhoto("environment");
    if (photo) await addPhotos([photo]);
  });
  $("session-close").addEventListener("click", askToClose);
  $("session-print").addEventListener("click", () => print());
  for (const format of ["csv", "xlsx"]) {
    $(`session-${format}`).addEventListener("click", (event) => whileBusy(event.currentTarget, () => save(format)));
  }
  // A kiosk that was left has sent what it had kept.
  addEventListener("caughtup", () => { if (!$("session").hidden) load(); });
}
