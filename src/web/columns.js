// The three columns of a session: who is here, who is missing, and whom nobody knows for sure.

import { $, copyOf, make, notice, settled, whileBusy } from "./dom.js";
import { patiently } from "./api.js";
import { photoOf, settleFace } from "./attendees.js";
import { enrol, outcomeNotice, suggestions } from "./enrol.js";
import { idWords, problemWords } from "./words.js";

/** Which statuses stand in which column. */
export const COLUMNS = {
  here: ["present", "late"],
  missing: ["absent", "excused", "not_enrolled"],
  unsure: ["unsure"],
};

/** Entries shown in a column; a session of everybody may have thousands. */
const MOST = 300;

const WORDS = {
  present: "present", late: "late", absent: "absent", excused: "excused", unsure: "not sure", not_enrolled: "no photo enrolled",
};

/** What may be said by hand of somebody in each status, the likeliest first. */
const CHOICES = {
  present: ["late", "absent"],
  late: ["present", "absent"],
  absent: ["present", "excused"],
  excused: ["present", "absent"],
  unsure: ["present", "absent"],
  not_enrolled: ["present", "excused"],
};

/**
 * Draws the columns. `onCorrect(button, person, status)` and `onNamed(id)` hear of changes by hand, and
 * `onRefused(problem, again)` of one that needs another key. The focus stays.
 */
export function fillColumns(session, handlers) {
  const held = document.activeElement;
  const row = held?.closest(".attendee[data-person]");
  draw(session, handlers);
  if (held?.isConnected) held.focus({ preventScroll: true });
  else if (row) sameChoice(row.dataset.person, held)?.focus({ preventScroll: true });
}

/** The button of a redrawn row that says what `held` said, else the row's first. */
function sameChoice(person, held) {
  const choices = [...document.querySelectorAll(`.attendee[data-person="${CSS.escape(person)}"] .chip`)];
  return choices.find(({ textContent }) => textContent === held.textContent) ?? choices[0];
}

function draw({ entries, time_zone: zone }, { faceOf, unknown, onCorrect, ...naming }) {
  for (const [column, statuses] of Object.entries(COLUMNS)) {
    const own = entries.filter(({ status }) => statuses.includes(status));
    const rows = own.slice(0, MOST).map((entry) => row(entry, zone, faceOf, onCorrect));
    if (own.length > MOST) {
      rows.push(make("li", { className: "hint", textContent: `and ${own.length - MOST} more; the workbook has all of them.` }));
    }
    if (column === "unsure") rows.push(...unknown.map((face, at) => rowOf(face, at, naming)));
    $(`session-${column}`).replaceChildren(...rows);
    $(`session-${column}-count`).textContent = String(column === "unsure" ? own.length + unknown.length : own.length);
  }
}

function row(entry, zone, faceOf, onCorrect) {
  const { person, status, manual, member } = entry;
  const item = copyOf("attendee-entry");
  item.dataset.status = status;
  item.dataset.person = person.id;
  showFace(item, faceOf(person.id));
  item.querySelector(".name").textContent = person.name || "Forgotten person";
  const seen = entry.first_seen ? clock(entry.first_seen, zone) : "";
  const about = [WORDS[status], seen, member ? "" : "visitor", manual ? `by ${manual.by}` : "", manual?.note ?? ""];
  item.querySelector(".about").textContent = [...about, person.student_id === null ? "" : idWords(person.student_id)].filter(Boolean).join(" · ");
  if (person.id === null) return item;
  const buttons = CHOICES[status].map((to) => choice(person, WORDS[to], to, onCorrect));
  if (manual) buttons.push(choice(person, "undo", null, onCorrect));
  item.querySelector(".choices").append(...buttons);
  return item;
}

function choice(person, words, status, onCorrect) {
  const button = make("button", { type: "button", className: "chip", textContent: words });
  button.setAttribute("aria-label", `${person.name}: ${words}`);
  button.addEventListener("click", () => onCorrect(button, person, status));
  return button;
}

const clock = (instant, timeZone) => new Date(instant).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", timeZone });

function showFace(item, canvas) {
  const place = item.querySelector("canvas");
  if (canvas) place.getContext("2d").drawImage(canvas, 0, 0);
  else place.classList.add("none");
}

/** One row for each face, made once: a name that is being typed must outlast other changes. */
function rowOf(face, at, naming) {
  face.row ??= unknownRow(face, at, naming);
  return face.row;
}

function unknownRow(face, at, naming) {
  const item = copyOf("unknown-entry");
  showFace(item, face.canvas);
  const form = item.querySelector("form");
  const { name } = form.elements;
  name.setAttribute("aria-label", `Name of unknown face ${at + 1}`);
  name.addEventListener("input", settled(async () => {
    const people = await suggestions(name.value);
    $("known-people").replaceChildren(...people.map(({ name: known }) => make("option", { value: known })));
  }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    nameFace(face, form, naming);
  });
  return item;
}

/** "This is ...": enrols the face, for somebody who is there already or a new person. */
async function nameFace(face, form, naming, force = false) {
  const outcome = form.querySelector(".outcome");
  await whileBusy(form.querySelector("button[type=submit]"), async () => {
    outcome.replaceChildren();
    try {
      const name = form.elements.name.value;
      const photo = await photoOf(face);
      const { photos, id } = await patiently(() => enrol(name, [photo], { force, join: true }));
      const refusal = outcomeNotice(photos, () => nameFace(face, form, naming, true));
      if (refusal) {
        outcome.append(refusal);
        return;
      }
      settleFace(face);
      await naming.onNamed(id);
    } catch (problem) {
      if (problem.wantsKey) naming.onRefused(problem, () => nameFace(face, form, naming, force));
      else notice(outcome, problemWords(problem));
    }
  });
}
