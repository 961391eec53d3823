// One person: name and ID, photos, and the end of it.

import { $, announce, confirmed, make, notice, takeFiles, whileBusy } from "./dom.js";
import { call, path, patiently } from "./api.js";
import { addPhotos, forceable, outcomeNotice } from "./enrol.js";
import * as groups from "./groups.js";
import { trying } from "./key.js";
import { chosenPerson } from "./move.js";
import { sayNext } from "./people.js";
import { thumbnail } from "./thumbnail.js";
import { counted, expiryWords, idOf, shown as shownDistance, timeWords } from "./words.js";

/** The person in view, as the service knows it. */
let person = null;
/** Id of the person that the address names; a response about another one is ignored. */
let shown = null;

export async function show(id) {
  shown = id;
  if (person?.id !== id) {
    clear();
    $("person-outcome").replaceChildren();
  }
  $("person-saved").textContent = "";
  groups.show(id);
  await tryHere("person-notice", () => load(id), () => show(id));
}

function clear() {
  person = null;
  $("person-title").textContent = " ";
  $("person-about").textContent = " ";
  $("person-body").hidden = true;
}

async function load(id) {
  try {
    fill(await call("GET", path(["people", id])));
  } catch (problem) {
    // Without the key nothing of the person stays in view.
    if (problem.wantsKey && isShown(id)) clear();
    throw problem;
  }
}

const isShown = (id) => id === shown && !$("person").hidden;

function fill(body) {
  if (!isShown(body.id)) return;
  person = body;
  document.title = `${person.name} – facerec`;
  $("person-title").textContent = person.name;
  const about = [idOf(person), counted(person.photos.length, "photo"), expiryWords(person)];
  $("person-about").textContent = about.filter(Boolean).join(" · ");
  $("person-name").value = person.name;
  $("person-student-id").value = person.student_id ?? "";
  $("person-id-hint").textContent = person.roster_id === null
    ? "The roster has no ID for this name, so this one is used."
    : `The roster’s ID for this name, ${person.roster_id}, comes first.`;
  $("person-expires").value = person.expires ?? "";
  $("person-expires-hint").textContent = person.roster_expires === null
    ? "After the last day this person is not recognised any more, and is deleted later."
    : `The roster’s last day for this name is ${person.roster_expires}; the earlier one counts.`;
  $("person-photos").replaceChildren(...person.photos.map(photoRow));
  $("person-body").hidden = false;
}

function photoRow({ id, weak, file_name: fileName, enrolled_at: enrolledAt, thumbnail: hasThumbnail, distance_to_others: distance }, index) {
  const when = timeWords(enrolledAt);
  const words = `Photo ${index + 1}${when && `, enrolled ${when}`}${weak ? ", weak: a clearer one would help" : ""}`;
  const text = make("span", { textContent: words });
  const only = person.photos.length === 1;
  if (fileName !== null) text.append(make("span", { className: "hint", dir: "auto", textContent: fileName }));
  if (distance !== null) text.append(make("span", { className: "hint", textContent: `distance ${shownDistance(distance)} to the others` }));
  const move = photoButton("Move", index, () => movePhoto(id, index));
  const remove = photoButton("Remove", index, () => removePhoto(id, index));
  const picture = hasThumbnail ? [thumbnail(person.id, id, `Photo ${index + 1} of ${person.name}`)] : [];
  return make("li", {}, ...picture, text, ...(only ? [] : [make("span", { className: "choices" }, move, remove)]));
}

function photoButton(label, index, onClick) {
  const button = make("button", { type: "button", className: "link", textContent: label });
  button.setAttribute("aria-label", `${label} photo ${index + 1}`);
  button.addEventListener("click", onClick);
  return button;
}

async function movePhoto(photo, index) {
  const { id } = person;
  const target = await chosenPerson(`Move photo ${index + 1} of ${person.name}`, id);
  if (target) await moveTo(photo, target, id);
}

async function moveTo(photo, target, id) {
  await tryHere("person-outcome", async () => {
    await call("POST", path(["people", id, "photos", photo, "move"]), { json: { to: target.id } });
    await photoGone(id, `The photo is moved to ${target.name}.`);
  }, () => moveTo(photo, target, id));
}

/** Shows the photos that are left, and says what became of the one that is not there any more. */
async function photoGone(id, words) {
  fill(await call("GET", path(["people", id])));
  announce(words);
  if (!isShown(id)) return;
  notice($("person-outcome"), words, "good");
  $("person-photos-title").focus();
}

/** Runs `job` for the person in view; a problem is said in the element `place`. */
function tryHere(place, job, again) {
  const id = shown;
  return trying($(place), job, again, () => isShown(id));
}

async function save() {
  const { id } = person;
  const changes = {};
  const [name, studentId] = [$("person-name").value.trim(), $("person-student-id").value.trim()];
  if (name !== person.name) changes.name = name;
  if (studentId !== String(person.student_id ?? "")) changes.student_id = studentId || null;
  const expires = $("person-expires").value;
  if (expires !== (person.expires ?? "")) changes.expires = expires || null;
  $("person-saved").textContent = "";
  await tryHere("person-notice", async () => {
    fill(await call("PATCH", path(["people", id]), { json: changes }));
    if (isShown(id)) $("person-saved").textContent = "Saved.";
  }, save);
}

async function removePhoto(photo, index) {
  const { id } = person;
  const words = `Photo ${index + 1} of ${person.name} will be forgotten. This cannot be undone.`;
  if (!(await confirmed("Remove this photo?", words, "Remove"))) return;
  await tryHere("person-outcome", async () => {
    await call("DELETE", path(["people", id, "photos", photo]));
    await photoGone(id, "The photo is removed.");
  }, () => removePhoto(photo, index));
}

async function add(files, force = false) {
  const { id } = person;
  await tryHere("person-outcome", async () => {
    notice($("person-outcome"), "Looking at the photos …", "");
    const photos = await patiently(() => addPhotos(id, files, { force }));
    fill(await call("GET", path(["people", id])));
    if (!isShown(id)) return;
    const refusal = outcomeNotice(photos, () => add(forceable(files, photos), true));
    if (refusal) $("person-outcome").replaceChildren(refusal);
    else notice($("person-outcome"), `${counted(photos.length, "photo")} added.`, "good");
    announce($("person-outcome").textContent);
  }, () => add(files, force));
}

async function remove() {
  const words = `${person.name} and ${counted(person.photos.length, "photo")} will be deleted. This cannot be undone.`;
  if (!(await confirmed(`Delete ${person.name}?`, words, "Delete"))) return;
  const { id, name } = person;
  await tryHere("person-notice", async () => {
    await call("DELETE", path(["people", id]));
    if (isShown(id)) {
      sayNext(`${name} is deleted.`);
      location.hash = "#people";
    }
    if (person?.id === id) person = null;
    announce(`${name} is deleted.`);
  }, remove);
}

export function start() {
  groups.start();
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
