// Register: the sessions of attendance, and the beginning of a new one.

import { $, make, notice, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer, trying } from "./key.js";
import * as messages from "./messages.js";
import { counted, problemWords } from "./words.js";

/** Sessions listed, the latest first. */
const LISTED = 50;

export async function show() {
  try {
    const { sessions, total } = await call("GET", path(["sessions"], { limit: LISTED }));
    notice($("register-notice"), "");
    $("register-count").textContent = total === 0 ? "No session yet. Begin one below." : countWords(sessions, total);
    $("register-rows").replaceChildren(...sessions.map(row));
    await fillGroups();
    await messages.show();
  } catch (problem) {
    $("register-count").textContent = "The sessions can’t be shown.";
    $("register-rows").replaceChildren();
    notice($("register-notice"), problemWords(problem), "bad", ...keyOffer(problem, show));
  }
}

function countWords(sessions, total) {
  const shown = total > sessions.length ? `; the latest ${sessions.length} are listed` : "";
  return `${counted(total, "session")}${shown}`;
}

function row({ id, title, group, date, state }) {
  // Without the right to manage people, a session is told by id and title only, and is open.
  const about = [group === null ? "Everybody" : group, date, state === "closed" ? "closed" : "open"].filter(Boolean).join(" · ");
  const words = make("span", {}, make("span", { className: "name", textContent: title }), make("span", { className: "id", textContent: about }));
  return make("li", {}, make("a", { href: `#session/${encodeURIComponent(id)}` }, words));
}

/** The groups to choose from; without the right to list them, there is everybody. */
async function fillGroups() {
  const select = $("session-group");
  const chosen = select.value;
  let groups = [];
  try {
    ({ groups } = await call("GET", path(["groups"])));
  } catch (problem) {
    if (!problem.wantsKey) throw problem;
  }
  const options = groups.map(({ name, members }) => make("option", { value: name, textContent: `${name} (${members})` }));
  select.replaceChildren(make("option", { value: "", textContent: "Everybody" }), ...options);
  select.value = groups.some(({ name }) => name === chosen) ? chosen : "";
}

/** What a new session is made from; the service fills in the rest. */
function wanted({ elements }) {
  const late = elements.late.value.trim();
  return {
    title: elements.title.value.trim(),
    group: elements.group.value || null,
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    late_after_minutes: late === "" ? null : Number(late),
  };
}

async function begin(form) {
  await trying($("session-outcome"), async () => {
    const { id } = await call("POST", path(["sessions"]), { json: wanted(form) });
    form.reset();
    location.hash = `#session/${encodeURIComponent(id)}`;
  }, () => begin(form));
}

export function start() {
  messages.start();
  $("session-form").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(event.target.querySelector("button[type=submit]"), () => begin(event.target));
  });
}
