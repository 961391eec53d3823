// The list beside the photo: the same in words, and a way to say who somebody is.

import { $, copyOf, make } from "./dom.js";
import { drawPortrait } from "./crop.js";
import { counted, idWords, shown, strangerWords } from "./words.js";

/** Distance at the right end of the ruler; two strangers are about this far apart. */
const RULER_END = 1;

/** Of more faces than this the list shows names only, and the rest of an entry on demand. */
const FULL_ENTRIES = 12;

/** One sentence about the whole photo. */
export function summaryWords({ faces, unknown_faces: unknown }) {
  if (faces.length === 0) return "No face found";
  const known = faces.length - unknown;
  if (unknown === 0) return faces.length === 1 ? "One face, and known" : `${faces.length} faces, all known`;
  if (known === 0) return faces.length === 1 ? "One face, unknown" : `${faces.length} faces, none known`;
  return `${counted(faces.length, "face")}, ${unknown} unknown`;
}

/**
 * Fills the list. `picture` is the upright photo or `null`; `onPick` hears which entry has the focus
 * or the pointer; `onEnrol(index, form)` that somebody said who it is.
 */
export function listFaces(result, picture, { onPick, onEnrol, onType }) {
  const isCompact = result.faces.length > FULL_ENTRIES;
  $("faces").classList.toggle("compact", isCompact);
  const entries = result.faces.map((face, index) => {
    const entry = copyOf("face-entry");
    const [name, id, numbers] = [".name", ".id", ".numbers"].map((part) => entry.querySelector(part));
    entry.classList.add(face.decision);
    entry.querySelector(".number").textContent = String(index + 1);
    name.textContent = face.person?.name ?? (face.decision === "unsure" ? "Not sure" : "Unknown face");
    id.textContent = face.person ? idWords(face.person.student_id) : "";
    id.hidden = !face.person;
    numbers.append(...numbersOf(face, result));
    drawRuler(entry.querySelector(".ruler"), face, result.threshold);
    if (picture) drawPortrait(entry.querySelector("canvas"), picture, face.box);
    prepareForm(entry, face, index, picture, { onEnrol, onType });
    if (isCompact) foldAway(entry, index);
    entry.addEventListener("pointerenter", () => onPick(index));
    entry.addEventListener("focusin", () => onPick(index));
    return entry;
  });
  $("faces").replaceChildren(...entries);
}

/** Hides all but number and name behind a button. */
function foldAway(entry, index) {
  const more = entry.querySelector(".more");
  more.hidden = false;
  more.append(make("span", { className: "unseen", textContent: ` of face ${index + 1}` }));
  more.addEventListener("click", () => unfold(entry, !entry.classList.contains("open")));
  unfold(entry, false);
}

function unfold(entry, isOpen) {
  entry.classList.toggle("open", isOpen);
  entry.querySelector(".more").setAttribute("aria-expanded", String(isOpen));
}

function prepareForm(entry, face, index, picture, { onEnrol, onType }) {
  const form = entry.querySelector("form");
  const input = form.elements.name;
  const label = form.querySelector("label");
  input.id = `face-name-${index}`;
  label.htmlFor = input.id;
  label.textContent = face.person ? "This is really" : "This is";
  label.append(make("span", { className: "unseen", textContent: ` (face ${index + 1})` }));
  entry.querySelector(".wrong").hidden = !face.person || !picture;
  form.hidden = !picture;
  input.addEventListener("input", () => onType(input.value));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onEnrol(index, form);
  });
}

/** How sure the name is; of a face without one who is most alike and why that is not enough. */
function numbersOf(face, { threshold }) {
  const strong = (words) => make("strong", { textContent: words });
  const best = face.candidates[0];
  if (!best && face.distance === null) return ["Nobody is enrolled yet."];
  // Callers who may not manage people learn of matches only.
  if (!best) return [face.decision === "unsure" ? "Perhaps somebody enrolled: " : "Nobody enrolled: ", ...sureness(face, strong), "."];
  if (face.decision === "match") return [...sureness(face, strong), ...marginOf(face, strong)];
  if (face.reason === "person_already_matched") {
    return [`Looks like ${best.person.name}, who is face ${face.other_face + 1} of this photo already.`];
  }
  if (face.decision === "unsure") return [`Perhaps ${best.person.name}: `, ...sureness(face, strong), "."];
  if (face.stranger_probability !== null) return [`Nearest is ${best.person.name}, but `, ...sureness(face, strong), "."];
  return [`Nearest is ${best.person.name} at `, strong(shown(best.distance)), `; a match is under ${shown(threshold)}.`];
}

function sureness(face, strong) {
  if (face.stranger_probability === null) return ["distance ", strong(shown(face.distance))];
  return [strong(strangerWords(face.stranger_probability)), " would look this alike"];
}

function marginOf(face, strong) {
  if (face.margin === null) return [];
  const next = face.candidates.find(({ person }) => person.id !== face.person.id);
  return [" · margin ", strong(shown(face.margin)), next ? ` to ${next.person.name}` : ""];
}

function drawRuler(ruler, face, threshold) {
  const place = (distance) => `${(Math.min(distance, RULER_END) / RULER_END) * 100}%`;
  ruler.querySelector(".within").style.width = place(threshold ?? 0);
  const own = face.person?.id ?? face.candidates[0]?.person.id;
  for (const { person, distance } of [...face.candidates].reverse()) {
    const dot = make("span", { className: person.id === own ? "dot nearest" : "dot" });
    dot.style.left = place(distance);
    ruler.append(dot);
  }
  ruler.hidden = face.candidates.length === 0;
}

/** Lights one entry up; none for -1. */
export function lightEntry(index) {
  [...$("faces").children].forEach((entry, at) => entry.classList.toggle("lit", at === index));
}

/** Moves the focus to the entry's field for a name, or brings the entry into view. */
export function goToEntry(index) {
  const entry = $("faces").children[index];
  if (!entry) return;
  unfold(entry, true);
  entry.scrollIntoView({ block: "nearest" });
  const form = entry.querySelector("form");
  if (!entry.classList.contains("match") && !form.hidden) form.elements.name.focus({ preventScroll: true });
}
