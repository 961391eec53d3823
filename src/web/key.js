// The API key of this tab, for services that ask for one.

import { $, announce, askIn, make, notice, whileBusy } from "./dom.js";
import { call, key, path, setKey } from "./api.js";
import { problemWords } from "./words.js";

/** For each scope a request that it is needed for, which changes nothing and tells of nobody. */
const PROBES = { recognize: path(["sessions"], { limit: 1 }), manage: path(["roster", "versions"]) };

/** The scope that the key is wanted for. */
let wanted = "recognize";
/** How often the dialog was opened: a response to a request of an earlier opening is ignored. */
let opening = 0;
/** Shows the view in use once more. */
let redrawView = () => {};

function showState() {
  const set = key() !== "";
  $("key-state").textContent = set ? "Key in use" : "Key";
  $("key-open").classList.toggle("set", set);
  $("key-forget").hidden = !set;
}

/** What depends on the key, besides the view in use, hears of it by the event "keychange". */
function change(value) {
  setKey(value);
  showState();
  dispatchEvent(new Event("keychange"));
}

/** Asks for a key of this scope. Resolves to "use" where one was given that the service takes, to "forget", or to "". */
function askForKey(scope) {
  const dialog = $("key-dialog");
  return askIn(dialog, () => {
    wanted = scope;
    opening += 1;
    notice($("key-outcome"), "");
    $("key-value").value = key();
    dialog.returnValue = "";
  }, () => dialog.returnValue);
}

/** A way to enter a key, for a problem that a key may solve; then `again` is run. Without any key the view is redrawn. */
export function keyOffer(problem, again) {
  if (!problem.wantsKey) return [];
  const button = make("button", { type: "button", className: "button quiet", textContent: "Enter a key" });
  button.addEventListener("click", async () => {
    const answer = await askForKey(problem.scope);
    if (answer === "use") again();
    else if (answer === "forget") redrawView();
  });
  return [make("div", { className: "actions" }, button)];
}

/** Runs `job`; a problem is said in `place`, with a way to enter a key and do it `again`, unless it comes too late. */
export async function trying(place, job, again, isCurrent = () => true) {
  notice(place, "");
  try {
    await job();
  } catch (problem) {
    if (isCurrent()) notice(place, problemWords(problem), "bad", ...keyOffer(problem, again));
  }
}

/** Uses the key that was entered if the service takes it; otherwise the dialogue stays, and says why not. */
async function use() {
  const [mine, value] = [opening, $("key-value").value.trim()];
  notice($("key-outcome"), "Checking the key …", "");
  try {
    await call("GET", PROBES[wanted], { as: value });
  } catch (problem) {
    if (mine !== opening || !$("key-dialog").open) return;
    notice($("key-outcome"), problemWords(problem));
    $("key-value").focus();
    return;
  }
  if (mine === opening && $("key-dialog").open) finish(value, "use");
}

function finish(value, how) {
  change(value);
  $("key-value").value = "";
  $("key-dialog").close(how);
  announce(value ? "The key is in use." : "No key is in use.");
}

/** `redraw` shows the view in use once more: another key may show more of it, or less. */
export function start(redraw) {
  redrawView = redraw;
  $("key-open").addEventListener("click", async () => {
    if (await askForKey("recognize")) redraw();
  });
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy($("key-form").querySelector("button[type=submit]"), use);
  });
  $("key-forget").addEventListener("click", () => finish("", "forget"));
  showState();
}
