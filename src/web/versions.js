// Rosters that were replaced, to be brought back.

import { $, announce, confirmed, make, notice, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { changeWords, counted, problemWords, timeWords } from "./words.js";

/** Shows which there are; none where that may not be asked. `restored` is called after one was brought back. */
export async function showVersions(restored) {
  let versions = [];
  try {
    ({ versions } = await call("GET", path(["roster", "versions"])));
  } catch {
    // The list above it says what is wrong.
  }
  $("roster-old").hidden = versions.length === 0;
  $("roster-old-rows").replaceChildren(...versions.map((version) => row(version, restored)));
}

function row(version, restored) {
  const words = `${counted(version.names, "name")}, replaced ${timeWords(version.replaced_at)}`;
  const button = make("button", { className: "button quiet", type: "button", textContent: "Bring back" });
  button.setAttribute("aria-label", `Bring back the roster of ${words}`);
  button.addEventListener("click", () => whileBusy(button, () => restore(version, words, restored)));
  return make("li", {}, make("span", { textContent: words }), button);
}

async function restore(version, words, restored) {
  if (!(await confirmed("Bring back this roster?", `${words}. The one in use is kept in its place.`, "Bring it back"))) return;
  const place = $("roster-notice");
  try {
    const { total, changes } = await call("POST", path(["roster", "versions", version.id, "restore"]));
    const said = `The roster is brought back: ${counted(total, "name")}. ${changeWords(changes)}`;
    notice(place, said, "good");
    announce(said);
    await restored();
  } catch (problem) {
    notice(place, `The roster stays as it was. ${problemWords(problem)}`, "bad", ...keyOffer(problem, () => restore(version, words, restored)));
  }
}
