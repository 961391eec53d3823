// The API key of this tab, for services that ask for one.

import { $, announce, make } from "./dom.js";
import { key, setKey } from "./api.js";

function showState() {
  const set = key() !== "";
  $("key-state").textContent = set ? "Key in use" : "Key";
  $("key-open").classList.toggle("set", set);
  $("key-forget").hidden = !set;
}

/** Views that depend on the key hear of it by the event "keychange". */
function change(value) {
  setKey(value);
  showState();
  dispatchEvent(new Event("keychange"));
}

/** Asks for a key; `why` is said above the field. Resolves to whether one was given. */
export function askForKey(why = "") {
  const dialog = $("key-dialog");
  $("key-why").textContent = why;
  $("key-why").hidden = !why;
  $("key-value").value = key();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "use"), { once: true });
  });
}

/** A way to enter a key, for a problem that a key may solve; then `again` is run. */
export function keyOffer(problem, again) {
  if (!problem.wantsKey) return [];
  const button = make("button", { type: "button", className: "button quiet", textContent: "Enter a key" });
  button.addEventListener("click", async () => {
    if (await askForKey()) again();
  });
  return [make("div", { className: "actions" }, button)];
}

export function start() {
  $("key-open").addEventListener("click", () => askForKey());
  $("key-form").addEventListener("submit", () => {
    change($("key-value").value.trim());
    $("key-value").value = "";
    announce(key() ? "The key is in use." : "No key is in use.");
  });
  $("key-forget").addEventListener("click", () => {
    change("");
    $("key-dialog").close();
    announce("The key is forgotten.");
  });
  showState();
}
