// People: the list of everybody enrolled, and a way to add somebody.

import { $, announce, make, notice, whileBusy } from "./dom.js";
import { patiently } from "./api.js";
import { enrol, forceable, outcomeNotice } from "./enrol.js";
import { keyOffer } from "./key.js";
import { pager } from "./pager.js";
import { counted, expiryWords, idOf, problemWords } from "./words.js";

let list;
/** How often the dialog was opened: a response to a request of an earlier opening does not change it. */
let opening = 0;

/** Said above the list when it is shown next, and only then. */
let farewell = "";

export function sayNext(words) {
  farewell = words;
}

export async function show() {
  notice($("people-notice"), farewell, "good");
  farewell = "";
  await list.show();
}

function fill({ people, total }, query) {
  const count = counted(total, "person", "people");
  $("people-count").textContent = query ? `${count} found` : `${count} enrolled`;
  const rows = people.map(row);
  if (rows.length === 0) {
    const words = query ? "Nobody with this name." : "Nobody is enrolled yet. Add a person, or name a face in a photo.";
    rows.push(make("li", { className: "empty", textContent: words }));
  }
  $("people-rows").replaceChildren(...rows);
}

function row(person) {
  const link = make("a", { href: `#person/${encodeURIComponent(person.id)}` });
  const name = make("span", { className: "name", textContent: person.name });
  const who = make("span", {}, name, make("span", { className: "id", textContent: [idOf(person), expiryWords(person)].filter(Boolean).join(" · ") }));
  link.append(who, make("span", { className: "count", textContent: counted(person.photos, "photo") }));
  return make("li", {}, link);
}

/** Photos of the new person that the gate refused can be forced from the dialog. */
async function add(files, force) {
  const [form, outcome, mine] = [$("add-form"), $("add-outcome"), opening];
  const [name, studentId] = [form.elements.name.value.trim(), form.elements.student_id.value];
  const expires = form.elements.expires.value;
  notice(outcome, "Looking at the photos …", "");
  try {
    const { photos } = await patiently(() => enrol(name, files, { studentId, expires, force, join: force }));
    const refusal = outcomeNotice(photos, () => add(forceable(files, photos), true));
    if (mine === opening) outcome.replaceChildren(...(refusal ? [refusal] : []));
    await list.show();
    if (refusal) return;
    if (mine === opening) $("add-dialog").close();
    announce(`${name} is enrolled.`);
  } catch (problem) {
    if (mine !== opening) return;
    notice(outcome, problemWords(problem), "bad", ...keyOffer(problem, () => add(files, force)));
  }
}

export function start() {
  list = pager("people", { fill, failed: () => $("people-rows").replaceChildren() });
  const form = $("add-form");
  $("person-add").addEventListener("click", () => {
    opening += 1;
    form.reset();
    $("add-outcome").replaceChildren();
    $("add-dialog").showModal();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const files = [...$("add-photos").files];
    whileBusy(form.querySelector("button[type=submit]"), () => add(files, false));
  });
}
