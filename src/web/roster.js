// Roster: which name has which ID, from a workbook.

import { $, announce, confirmed, make, notice, takeFiles } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { pager } from "./pager.js";
import { showVersions } from "./versions.js";
import { changeWords, counted, problemWords } from "./words.js";

let list;

export async function show() {
  await Promise.all([list.show(), showVersions(restart)]);
}

async function restart() {
  await Promise.all([list.restart(), showVersions(restart)]);
}

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

/** Sends a file: after a look at what changes it replaces the roster, or nothing is changed. */
export async function upload(file) {
  const place = $("roster-notice");
  notice(place, `Reading ${file.name} …`, "");
  try {
    const form = new FormData();
    form.append("file", file, file.name);
    const preview = await call("PUT", path(["roster"], { dry_run: true }), { form });
    const question = `${counted(preview.total, "name")} in ${file.name}. ${changeWords(preview.changes)}`;
    if (!(await confirmed("Replace the roster?", question, "Replace it"))) {
      notice(place, "The roster stays as it was.", "", ...oddities(preview));
      return;
    }
    const replaced = await call("PUT", path(["roster"]), { form });
    const words = `The roster is replaced: ${counted(replaced.total, "name")} from ${file.name}.`;
    const odd = oddities(replaced);
    notice(place, words, odd.length === 0 ? "good" : "", ...odd);
    announce(words);
    await restart();
  } catch (problem) {
    notice(place, `The roster stays as it was. ${problemWords(problem)}`, "bad", ...keyOffer(problem, () => upload(file)));
  }
}

/** What is odd about a roster, as a list; nothing where nothing is. */
function oddities({ warnings, names_without_face: names, people_without_name: people }) {
  const lines = [...warnings];
  if (names > 0) lines.push(`${counted(names, "name")} without an enrolled face`);
  if (people > 0) lines.push(`${counted(people, "enrolled person", "enrolled people")} without a row`);
  return lines.length === 0 ? [] : [make("ul", {}, ...lines.map((line) => make("li", { textContent: line })))];
}

export function start() {
  list = pager("roster", { fill, failed });
  $("roster-file").addEventListener("change", () => takeFiles($("roster-file")).slice(0, 1).forEach(upload));
}
