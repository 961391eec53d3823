// Which view is shown, and what is dropped or pasted where.

import { $ } from "./dom.js";
import * as audit from "./audit.js";
import * as key from "./key.js";
import * as kiosk from "./kiosk.js";
import * as move from "./move.js";
import * as people from "./people.js";
import * as person from "./person.js";
import * as recognise from "./recognise.js";
import * as register from "./register.js";
import * as roster from "./roster.js";
import * as session from "./session.js";

const VIEWS = {
  recognise: { title: "Recognise", heading: "recognise-title", redraw: recognise.redraw },
  people: { title: "People", heading: "people-title", show: people.show },
  person: { title: "Person", heading: "person-title", show: person.show, under: "people" },
  register: { title: "Register", heading: "register-title", show: register.show },
  session: { title: "Session", heading: "session-title", show: session.show, under: "register" },
  kiosk: { title: "Kiosk", heading: "kiosk-title", show: kiosk.show, hide: kiosk.hide, under: "register" },
  audit: { title: "Audit", heading: "audit-title", show: audit.show },
  roster: { title: "Roster", heading: "roster-title", show: roster.show },
};

/** The view that is shown, and what stands after it in the address. */
let inView = { name: "recognise", rest: "" };

/** The view that the address names, and what stands after it; `null` for anything else. */
function addressed() {
  const [name, rest = ""] = location.hash.slice(1).split("/");
  if (name === "") return { name: "recognise", rest };
  const decoded = decodedPart(rest);
  return Object.hasOwn(VIEWS, name) && decoded !== null ? { name, rest: decoded } : null;
}

/** `null` where it is not encoded as parts of addresses are. */
function decodedPart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function showView(isFirst) {
  // "#main" is where the skip link leads, and no view.
  const address = addressed() ?? (isFirst ? { name: "recognise", rest: "" } : null);
  if (!address) return;
  const view = VIEWS[address.name];
  for (const [name, { hide }] of Object.entries(VIEWS)) {
    if (!$(name).hidden && name !== address.name) hide?.();
    $(name).hidden = name !== address.name;
  }
  for (const link of document.querySelectorAll(".views a")) {
    if (link.dataset.view === (view.under ?? address.name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  inView = address;
  document.title = `${view.title} – facerec`;
  view.show?.(address.rest);
  if (isFirst) return;
  scrollTo(0, 0);
  const heading = address.name === "recognise" && $("welcome").hidden ? "summary" : view.heading;
  $(heading).focus({ preventScroll: true });
}

/** Asks the service again for what is in view. */
function redraw() {
  const view = VIEWS[inView.name];
  (view.redraw ?? view.show)(inView.rest);
}

/** Files dropped or pasted go to the view that is shown: the roster takes a workbook, and the others photos. */
function take(files) {
  const [file] = files;
  if (!file) return;
  if (!$("session").hidden) {
    session.addPhotos([...files]);
    return;
  }
  if (!$("roster").hidden && !file.type.startsWith("image/")) {
    roster.upload(file);
    return;
  }
  if ($("recognise").hidden) location.hash = "#recognise";
  recognise.open([...files]);
}

function startDropping() {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const show = (by) => {
    depth = Math.max(0, depth + by);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", (event) => { if (holdsFiles(event)) show(1); });
  addEventListener("dragleave", (event) => { if (holdsFiles(event)) show(-1); });
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(-depth);
    if (!document.querySelector("dialog[open]")) take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (!document.querySelector("dialog[open]")) take(event.clipboardData?.files ?? []);
  });
}

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
key.start(redraw);
for (const module of [audit, kiosk, move, people, person, recognise, register, roster, session]) module.start();
startDropping();
addEventListener("hashchange", () => showView(false));
showView(true);
