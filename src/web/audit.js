// Audit: what is odd about the enrolled people, and what can be done about it.

import { $, announce, confirmed, make, notice, whileBusy } from "./dom.js";
import { call, path, Problem } from "./api.js";
import { keyOffer, trying } from "./key.js";
import { thumbnail } from "./thumbnail.js";
import { counted, problemWords } from "./words.js";

/** Number of the newest request for the list: the response to an older one is ignored. */
let asked = 0;

const WORDS = {
  same_face: ({ people: [a, b] }) => `${a.name} and ${b.name} look like one person.`,
  unlike_photo: ({ person, file_name: file, looks_like: other, set_aside: aside }) =>
    `A photo of ${person.name}${file ? ` (\u2068${file}\u2069)` : ""} is unlike the others${other ? ` and looks like ${other.name}` : ""}.${aside ? " It is set aside, and not used to recognise anybody." : ""}`,
  few_photos: ({ person, counting }) => `${person.name} is known by ${counted(counting, "photo")} only. Two or three are better.`,
  weak_photos: ({ person, recognised, counting, weak }) => (2 * recognised < counting
    ? `The photos of ${person.name} are hardly alike: ${recognised} of ${counting} would be recognised by the others.`
    : `${person.name} is known by photos of low quality only (${weak} of ${counting}). A clearer one would help.`),
  name_without_face: ({ name }) => `${name} is in the roster, and no face of that name is enrolled.`,
  face_without_name: ({ person }) => `${person.name} is enrolled, and not in the roster.`,
};

const photoPath = ({ person, photo_id: photo }, ...more) => path(["people", person.id, "photos", photo, ...more]);

/** Each action of a finding as buttons: what is asked before, what is done, and what is said then. */
const ACTIONS = {
  move_photo: (finding) => (finding.looks_like ? [{
    label: `Move to ${finding.looks_like.name}`,
    ask: [`Move this photo to ${finding.looks_like.name}?`, `The photo will count for ${finding.looks_like.name} and no longer for ${finding.person.name}.`, "Move"],
    run: () => call("POST", photoPath(finding, "move"), { json: { to: finding.looks_like.id } }),
    done: `The photo is moved to ${finding.looks_like.name}.`,
  }] : []),
  remove_photo: (finding) => [{
    label: "Remove the photo",
    ask: ["Remove this photo?", `The photo of ${finding.person.name} will be forgotten. This cannot be undone.`, "Remove"],
    run: () => call("DELETE", photoPath(finding)),
    done: "The photo is removed.",
  }],
  merge: ({ people: [a, b] }) => [[a, b], [b, a]].map(([into, from]) => ({
    label: `Merge into ${into.name}`,
    ask: [`Merge into ${into.name}?`, `${into.name} gets the photos of ${from.name}, who is deleted. This cannot be undone.`, "Merge"],
    run: () => call("POST", path(["people", into.id, "merge"]), { json: { from: from.id } }),
    done: `${from.name} is merged into ${into.name}.`,
  })),
  add_photos: () => [],
  keep: ({ key, dismissed }) => [{
    label: dismissed ? "List it again" : "Keep as it is",
    run: () => call(dismissed ? "DELETE" : "PUT", path(["audit", "dismissals", key])),
    done: dismissed ? "It is listed again." : "It is kept, and not listed again.",
  }],
};

export async function show() {
  const mine = ++asked;
  const all = $("audit-all").checked ? "true" : "";
  try {
    const body = await call("GET", path(["audit"], { all }));
    if (mine !== asked) return;
    notice($("audit-notice"), "");
    fill(body);
  } catch (problem) {
    if (mine !== asked) return;
    $("audit-rows").replaceChildren();
    $("audit-count").textContent = "";
    notice($("audit-notice"), problemWords(problem), "bad", ...keyOffer(problem, show));
  }
}

function fill({ findings, dismissed, people }) {
  const open = findings.filter((finding) => !finding.dismissed).length;
  const kept = dismissed > 0 ? `, ${dismissed} kept as they are` : "";
  $("audit-count").textContent = `${counted(open, "finding")} about ${counted(people, "person", "people")}${kept}`;
  const rows = findings.map(row);
  if (rows.length === 0) rows.push(make("li", { className: "empty", textContent: "Nothing to look at." }));
  $("audit-rows").replaceChildren(...rows);
}

function row(finding) {
  const words = make("p", { id: `finding-${finding.key}`, textContent: (WORDS[finding.kind] ?? (() => finding.kind))(finding) });
  const people = finding.people ?? (finding.person ? [finding.person] : []);
  const links = people.map(({ id, name }) => make("a", { href: `#person/${encodeURIComponent(id)}`, textContent: name }));
  const choices = finding.dismissed ? ["keep"] : finding.actions;
  const buttons = choices.flatMap((action) => ACTIONS[action]?.(finding) ?? []).map((action) => button(finding, action));
  const picture = finding.thumbnail ? [thumbnail(finding.person.id, finding.photo_id, `The photo of ${finding.person.name}`)] : [];
  return make("li", { className: "card" }, ...picture, words, make("div", { className: "actions" }, ...buttons, ...links));
}

function button(finding, action) {
  const element = make("button", { type: "button", className: "button quiet", textContent: action.label });
  element.setAttribute("aria-describedby", `finding-${finding.key}`);
  element.addEventListener("click", () => whileBusy(element, () => act(action)));
  return element;
}

async function act(action) {
  if (action.ask && !(await confirmed(...action.ask))) return;
  await trying($("audit-notice"), async () => {
    await action.run();
    await show();
    notice($("audit-notice"), action.done, "good");
    announce(action.done);
    $("audit-title").focus();
  }, () => act(action));
}

/** The way to this view is there for those who may manage people only. */
async function showLink() {
  try {
    await call("GET", path(["people"], { limit: 1 }));
    $("audit-link").hidden = false;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    $("audit-link").hidden = problem.wantsKey;
  }
}

export function start() {
  $("audit-all").addEventListener("change", show);
  addEventListener("keychange", showLink);
  showLink();
}
