// People: the list of everybody enrolled, and a way to add somebody.

import { $, announce, make, notice, settled, whileBusy } from "./dom.js";
import { call, path, patiently } from "./api.js";
import { enrol, forceable, outcomeNotice } from "./enrol.js";
import { keyOffer } from "./key.js";
import { counted, idWords, problemWords } from "./words.js";

const PAGE_LENGTH = 50;

/** Which part of the list is shown. */
let offset = 0;
/** The newest request: what an older one answers is of no interest. */
let newest = 0;

export async function show() {
  newest += 1;
  const mine = newest;
  const query = $("people-query").value.trim();
  try {
    const page = await call("GET", path(["people"], { q: query, offset, limit: PAGE_LENGTH }));
    if (mine !== newest) return;
    // The last person of the last page may have been deleted.
    if (page.people.length === 0 && offset > 0) {
      offset = Math.max(0, offset - PAGE_LENGTH);
      await show();
      return;
    }
    notice($("people-notice"), "");
    fill(page, query);
  } catch (problem) {
    if (mine !== newest) return;
    $("people-rows").replaceChildren();
    $("people-pages").hidden = true;
    $("people-count").textContent = "The list can’t be shown.";
    notice($("people-notice"), problemWords(problem), "bad", ...keyOffer(problem, show));
  }
}

function fill({ people, total }, query) {
  $("people-count").textContent = query ? `${counted(total, "person", "people")} found` : `${counted(total, "person", "people")} enrolled`;
  const rows = people.map(row);
  if (rows.length === 0) {
    const words = query ? "Nobody with this name or ID." : "Nobody is enrolled yet. Add a person, or name a face in a photo.";
    rows.push(make("li", { className: "empty", textContent: words }));
  }
  $("people-rows").replaceChildren(...rows);
  $("people-pages").hidden = total <= PAGE_LENGTH;
  $("people-range").textContent = `${offset + 1}–${offset + people.length} of ${total}`;
  $("people-earlier").disabled = offset === 0;
  $("people-later").disabled = offset + people.length >= total;
}

function row({ id, name, student_id: studentId, photos }) {
  const link = make("a", { href: `#person/${encodeURIComponent(id)}` });
  const who = make("span", {}, make("span", { className: "name", textContent: name }), make("span", { className: "id", textContent: idWords(studentId) }));
  link.append(who, make("span", { className: "count", textContent: counted(photos, "photo") }));
  return make("li", {}, link);
}

function turn(by) {
  offset = Math.max(0, offset + by * PAGE_LENGTH);
  show().then(() => {
    announce($("people-range").textContent);
    $("people-title").focus();
  });
}

/** The dialog for a new person; photos that were refused can be forced from there. */
function startAdding() {
  const [dialog, form, outcome] = ["add-dialog", "add-form", "add-outcome"].map($);
  $("person-add").addEventListener("click", () => {
    form.reset();
    outcome.replaceChildren();
    dialog.showModal();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add([...$("add-photos").files], false);
  });

  async function add(files, force) {
    const { name, student_id: studentId } = form.elements;
    await whileBusy(form.querySelector("button[type=submit]"), async () => {
      notice(outcome, "Looking at the photos …", "");
      try {
        const photos = await patiently(() => enrol(name.value, files, { studentId: studentId.value, force }));
        const refusal = outcomeNotice(photos, () => add(forceable(files, photos), true));
        outcome.replaceChildren(...(refusal ? [refusal] : []));
        await show();
        if (refusal) return;
        dialog.close();
        announce(`${name.value.trim()} is enrolled.`);
      } catch (problem) {
        notice(outcome, problemWords(problem), "bad", ...keyOffer(problem, () => add(files, force)));
      }
    });
  }
}

export function start() {
  const search = settled(() => {
    offset = 0;
    show();
  });
  $("people-query").addEventListener("input", search);
  $("people-search").addEventListener("submit", (event) => event.preventDefault());
  $("people-earlier").addEventListener("click", () => turn(-1));
  $("people-later").addEventListener("click", () => turn(1));
  startAdding();
}
