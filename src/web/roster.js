// Roster: which name has which ID, from a workbook.

import { $, announce, make, notice, takeFiles } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { pager } from "./pager.js";
import { counted, problemWords } from "./words.js";

let list;

export const show = () => list.show();

function fill({ entries, total }, query) {
  const empty = total === 0 && !query;
  $("roster-count").textContent = empty ? "No roster yet." : `${counted(total, "name")}${query ? " found" : ""}`;
  $("roster-search").hidden = empty;
  $("roster-table").hidden = empty;
  const rows = entries.map(row);
  if (rows.length === 0) rows.push(make("tr", {}, make("td", { colSpan: 2, className: "none", textContent: "No such name." })));
  $("roster-rows").replaceChildren(...rows);
}

function row({ name, id }) {
  const cell = id === null ? { className: "none", textContent: "No ID" } : { textContent: String(id) };
  return make("tr", {}, make("td", { textContent: name }), make("td", cell));
}

function failed() {
  $("roster-search").hidden = true;
  $("roster-table").hidden = true;
}

/** Sends a workbook: it replaces the roster, or nothing is changed. */
export async function upload(file) {
  const place = $("roster-notice");
  notice(place, `Reading ${file.name} …`, "");
  try {
    const form = new FormData();
    form.append("file", file, file.name);
    const { total, warnings } = await call("PUT", path(["roster"]), { form });
    const words = `The roster is replaced: ${counted(total, "name")} from ${file.name}.`;
    const odd = warnings.length === 0 ? [] : [make("ul", {}, ...warnings.map((warning) => make("li", { textContent: warning })))];
    notice(place, words, odd.length === 0 ? "good" : "", ...odd);
    announce(words);
    await list.restart();
  } catch (problem) {
    notice(place, `The roster stays as it was. ${problemWords(problem)}`, "bad", ...keyOffer(problem, () => upload(file)));
  }
}

export function start() {
  list = pager("roster", { fill, failed });
  $("roster-file").addEventListener("change", () => takeFiles($("roster-file")).slice(0, 1).forEach(upload));
}
