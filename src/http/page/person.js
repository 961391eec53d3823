// One person: name and ID, photos, and the end of it.

import { $, announce, confirmed, make, notice, takeFiles, whileBusy } from "./dom.js";
import { call, path, patiently } from "./api.js";
import { addPhotos, forceable, outcomeNotice } from "./enrol.js";
import { keyOffer } from "./key.js";
import { counted, idOf, problemWords, timeWords } from "./words.js";

/** The person in view, as the service knows it. */
let person = null;

export async function show(id) {
  if (person?.id !== id) {
    person = null;
    $("person-title").textContent = " ";
    $("person-about").textContent = " ";
    $("person-body").hidden = true;
    $("person-outcome").replaceChildren();
  }
  $("person-saved").textContent = "";
  await trying("person-notice", async () => fill(await call("GET", path(["people", id]))), () => show(id));
}

function fill(answer) {
  person = answer;
  document.title = `${person.name} – facerec`;
  $("person-title").textContent = person.name;
  $("person-about").textContent = `${idOf(person)} · ${counted(person.photos.length, "photo")}`;
  $("person-name").value = person.name;
  $("person-student-id").value = person.student_id ?? "";
  $("person-id-hint").textContent = person.roster_id === null
    ? "The roster has no ID for this name, so this one is used."
    : `The roster’s ID for this name, ${person.roster_id}, comes first.`;
  $("person-photos").replaceChildren(...person.photos.map(photoRow));
  $("person-body").hidden = false;
}

function photoRow({ id, enrolled_at: enrolledAt }, index) {
  const when = timeWords(enrolledAt);
  const words = `Photo ${index + 1}${when && `, enrolled ${when}`}`;
  const button = make("button", { type: "button", className: "link", textContent: "Remove" });
  button.setAttribute("aria-label", `Remove photo ${index + 1}`);
  button.addEventListener("click", () => removePhoto(id, index));
  const last = person.photos.length === 1;
  return make("li", {}, make("span", { textContent: words }), ...(last ? [] : [button]));
}

/** Runs `job`; a problem is said in `place`, with a way to enter a key and do it again. */
async function trying(place, job, again) {
  notice($(place), "");
  try {
    await job();
  } catch (problem) {
    notice($(place), problemWords(problem), "bad", ...keyOffer(problem, again));
  }
}

async function save() {
  const changes = {};
  const [name, studentId] = [$("person-name").value.trim(), $("person-student-id").value.trim()];
  if (name !== person.name) changes.name = name;
  if (studentId !== String(person.student_id ?? "")) changes.student_id = studentId || null;
  $("person-saved").textContent = "";
  await trying("person-notice", async () => {
    fill(await call("PATCH", path(["people", person.id]), { json: changes }));
    $("person-saved").textContent = "Saved.";
  }, save);
}

async function removePhoto(id, index) {
  const words = `Photo ${index + 1} of ${person.name} will be forgotten. This cannot be undone.`;
  if (!(await confirmed("Remove this photo?", words, "Remove"))) return;
  await trying("person-outcome", async () => {
    await call("DELETE", path(["people", person.id, "photos", id]));
    fill(await call("GET", path(["people", person.id])));
    announce("The photo is removed.");
    $("person-photos-title").focus();
  }, () => removePhoto(id, index));
}

async function add(files, force = false) {
  const { id } = person;
  notice($("person-outcome"), "Looking at the photos …", "");
  await trying("person-outcome", async () => {
    const photos = await patiently(() => addPhotos(id, files, { force }));
    fill(await call("GET", path(["people", id])));
    const refusal = outcomeNotice(photos, () => add(forceable(files, photos), true));
    if (refusal) $("person-outcome").replaceChildren(refusal);
    else notice($("person-outcome"), `${counted(photos.length, "photo")} added.`, "good");
    announce($("person-outcome").textContent);
  }, () => add(files, force));
}

async function remove() {
  const words = `${person.name} and ${counted(person.photos.length, "photo")} will be deleted. This cannot be undone.`;
  if (!(await confirmed(`Delete ${person.name}?`, words, "Delete"))) return;
  await trying("person-notice", async () => {
    const { name } = person;
    await call("DELETE", path(["people", person.id]));
    person = null;
    location.hash = "#people";
    announce(`${name} is deleted.`);
  }, remove);
}

export function start() {
  $("person-edit").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy($("person-edit").querySelector("button"), save);
  });
  $("person-files").addEventListener("change", () => {
    const files = takeFiles($("person-files"));
    if (files.length > 0) add(files);
  });
  $("person-delete").addEventListener("click", remove);
}
