// The groups of one person.

import { $, notice, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { problemWords } from "./words.js";

/** Id of the person in view; what is answered about another one comes too late. */
let shown = null;

export async function show(id) {
  shown = id;
  $("person-groups").value = "";
  $("groups-saved").textContent = "";
  await trying(id, async () => fill(id, await call("GET", path(["people", id, "groups"]))), () => show(id));
}

function fill(id, { groups }) {
  if (id === shown) $("person-groups").value = groups.join("; ");
}

/** Runs `job`; a problem is said, with a way to enter a key and do it again. */
async function trying(id, job, again) {
  notice($("groups-notice"), "");
  try {
    await job();
  } catch (problem) {
    if (id === shown) notice($("groups-notice"), problemWords(problem), "bad", ...keyOffer(problem, again));
  }
}

async function save() {
  const id = shown;
  const groups = $("person-groups").value.split(";").map((name) => name.trim()).filter(Boolean);
  $("groups-saved").textContent = "";
  await trying(id, async () => {
    fill(id, await call("PUT", path(["people", id, "groups"]), { json: { groups } }));
    if (id === shown) $("groups-saved").textContent = "Saved.";
  }, save);
}

export function start() {
  $("groups-edit").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy($("groups-edit").querySelector("button"), save);
  });
}
