// Choosing whom a photo is moved to.

import { $, askIn, make, notice, settled, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { suggestions } from "./enrol.js";
import { trying } from "./key.js";

/** Names that are offered, and among which the typed one must be. */
const OFFERED = 50;

let chosen = null;
/** The person who has the photo. */
let owner = "";
/** How often the dialog was opened: a response to a request of an earlier opening does not change it. */
let opening = 0;

/** Asks for somebody else than `from`, by name. Resolves to the person, or to `null`. */
export function chosenPerson(title, from) {
  return askIn($("move-dialog"), () => {
    [chosen, owner] = [null, from];
    opening += 1;
    $("move-title").textContent = title;
    $("move-form").reset();
    notice($("move-outcome"), "");
  }, () => chosen);
}

const folded = (name) => name.trim().normalize("NFC").toLowerCase();

/** Takes the person of the name that was typed, or says that there is none. */
async function choose() {
  const [name, mine] = [folded($("move-name").value), opening];
  const isCurrent = () => mine === opening && $("move-dialog").open;
  await trying($("move-outcome"), async () => {
    const { people } = await call("GET", path(["people"], { q: name, limit: OFFERED }));
    if (!isCurrent()) return;
    const others = people.filter(({ id }) => id !== owner);
    const named = others.find((person) => folded(person.name) === name);
    if (named) {
      chosen = named;
      $("move-dialog").close();
    } else notice($("move-outcome"), missingWords(others));
  }, choose, isCurrent);
}

function missingWords(others) {
  if (others.length === 0) return "Nobody else of this name is enrolled. Enrol the person first.";
  const names = others.slice(0, 3).map((person) => person.name).join(", ");
  return `Nobody else is enrolled under exactly this name. Like it are: ${names}${others.length > 3 ? " …" : "."}`;
}

const suggest = settled(async () => {
  const people = await suggestions($("move-name").value);
  const names = people.filter(({ id }) => id !== owner).map(({ name }) => make("option", { value: name }));
  $("known-people").replaceChildren(...names);
});

export function start() {
  $("move-name").addEventListener("input", suggest);
  $("move-form").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy($("move-form").querySelector("button[type=submit]"), choose);
  });
}
