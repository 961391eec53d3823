// The groups of one person.

import { $, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { trying } from "./key.js";

/** Id of the person in view. */
let shown = null;
/** Number of the newest request for the groups: the response to an older one is ignored. */
let asked = 0;

const field = () => $("person-groups");
const saveButton = () => $("groups-edit").querySelector("button[type=submit]");

/** Nothing can be saved before it is known what there is: that would take the person out of all groups. */
function enable(isEnabled) {
  for (const element of [field(), saveButton()]) element.disabled = !isEnabled;
}

export async function show(id) {
  const mine = ++asked;
  const isCurrent = () => mine === asked;
  shown = id;
  enable(false);
  field().value = "";
  $("groups-saved").textContent = "";
  await trying($("groups-notice"), async () => {
    const body = await call("GET", path(["people", id, "groups"]));
    if (!isCurrent()) return;
    fill(body);
    enable(true);
  }, () => show(id), isCurrent);
}

function fill({ groups }) {
  field().value = groups.join("; ");
}

async function save() {
  const [id, mine, typed] = [shown, asked, field().value];
  const isCurrent = () => mine === asked;
  const groups = typed.split(";").map((name) => name.trim()).filter(Boolean);
  $("groups-saved").textContent = "";
  await trying($("groups-notice"), async () => {
    const body = await call("PUT", path(["people", id, "groups"]), { json: { groups } });
    if (!isCurrent()) return;
    // What was typed in the meantime stays.
    if (field().value === typed) fill(body);
    $("groups-saved").textContent = "Saved.";
  }, save, isCurrent);
}

export function start() {
  enable(false);
  $("groups-edit").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!saveButton().disabled) whileBusy(saveButton(), save);
  });
}
