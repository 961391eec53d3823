// Choosing whom a photo is moved to.

import { $, make, notice, settled, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { suggestions } from "./enrol.js";
import { keyOffer } from "./key.js";
import { problemWords } from "./words.js";

/** Names that are offered, and among which the typed one must be. */
const OFFERED = 50;

let chosen = null;
/** The person who has the photo. */
let owner = "";

/** Asks for somebody else than `from`, by name. Resolves to the person, or to `null`. */
export function chosenPerson(title, from) {
  [chosen, owner] = [null, from];
  $("move-title").textContent = title;
  $("move-form").reset();
  notice($("move-outcome"), "");
  $("move-dialog").showModal();
  return new Promise((resolve) => {
    $("move-dialog").addEventListener("close", () => resolve(chosen), { once: true });
  });
}

const folded = (name) => name.trim().normalize("NFC").toLowerCase();

/** Takes the person of the name that was typed, or says that there is none. */
async function choose() {
  const name = folded($("move-name").value);
  try {
    const { people } = await call("GET", path(["people"], { q: name, limit: OFFERED }));
    const others = people.filter(({ id }) => id !== owner);
    const named = others.find((person) => folded(person.name) === name);
    if (named && $("move-dialog").open) {
      chosen = named;
      $("move-dialog").close();
    } else notice($("move-outcome"), missingWords(others));
  } catch (problem) {
    notice($("move-outcome"), problemWords(problem), "bad", ...keyOffer(problem, choose));
  }
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
