// Roster: which name has which ID, from a workbook.

import { $, announce, make, notice, settled, takeFiles } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { counted, problemWords } from "./words.js";

/** Rows put into the page at most; the search reaches all. */
const MOST_ROWS = 500;

let entries = [];

export async function show() {
  try {
    fill(await call("GET", path(["roster"])));
    notice($("roster-notice"), "");
  } catch (problem) {
    fail("The roster can’t be shown.", problem, show);
  }
}

function fail(words, problem, again) {
  if (entries.length === 0) $("roster-count").textContent = words;
  notice($("roster-notice"), problemWords(problem), "bad", ...keyOffer(problem, again));
}

function fill(roster) {
  entries = roster.entries;
  $("roster-count").textContent = entries.length === 0 ? "No roster yet." : counted(entries.length, "name");
  $("roster-search").hidden = entries.length === 0;
  $("roster-table").hidden = entries.length === 0;
  list();
}

function list() {
  const wanted = $("roster-query").value.trim().toLocaleLowerCase();
  const fits = ({ name, id }) => `${name}\n${id ?? ""}`.toLocaleLowerCase().includes(wanted);
  const found = entries.filter(fits);
  const rows = found.slice(0, MOST_ROWS).map(({ name, id }) => {
    const cell = id === null ? make("td", { className: "none", textContent: "No ID" }) : make("td", { textContent: String(id) });
    return make("tr", {}, make("td", { textContent: name }), cell);
  });
  const note = moreWords(found.length);
  if (note) rows.push(make("tr", {}, make("td", { colSpan: 2, className: "none", textContent: note })));
  $("roster-rows").replaceChildren(...rows);
}

function moreWords(found) {
  if (found === 0) return "No such name or ID.";
  return found > MOST_ROWS ? `${found - MOST_ROWS} more; search to find them.` : "";
}

/** Sends a workbook: it replaces the roster, or nothing is changed. */
export async function upload(file) {
  notice($("roster-notice"), `Reading ${file.name} …`, "");
  try {
    const form = new FormData();
    form.append("file", file, file.name);
    const answer = await call("PUT", path(["roster"]), { form });
    $("roster-query").value = "";
    fill(await call("GET", path(["roster"])));
    const warnings = answer?.warnings ?? [];
    const list = make("ul", {}, ...warnings.map((warning) => make("li", { textContent: warning })));
    const words = `The roster is replaced: ${counted(entries.length, "name")} from ${file.name}.`;
    notice($("roster-notice"), words, warnings.length > 0 ? "" : "good", ...(warnings.length > 0 ? [list] : []));
    announce(words);
  } catch (problem) {
    fail("The roster could not be replaced.", problem, () => upload(file));
  }
}

export function start() {
  $("roster-file").addEventListener("change", () => takeFiles($("roster-file")).slice(0, 1).forEach(upload));
  $("roster-query").addEventListener("input", settled(list, 120));
  $("roster-search").addEventListener("submit", (event) => event.preventDefault());
}
