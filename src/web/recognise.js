// Recognise: photos come in, their faces are marked and listed, and unknown ones can be named.

import { $, announce, make, notice, settled, takeFiles, whileBusy } from "./dom.js";
import { Problem, call, path, patiently } from "./api.js";
import { announceEnd, listPhotos, showStates } from "./batch.js";
import { cutOut } from "./crop.js";
import { enrol, outcomeNotice, suggestions } from "./enrol.js";
import { goToEntry, lightEntry, listFaces, summaryWords } from "./faces.js";
import { keyOffer } from "./key.js";
import { cameraWords, canTakePhotos, takePhoto } from "./camera.js";
import { clearFaces, light, markFaces, setBlank, setBusy, showPhoto } from "./stage.js";
import { problemWords, shown, strangerWords } from "./words.js";

/** People listed for a face: the nearest, and who comes next. */
const TOP_K = 3;

/** The photos that were opened together: of each its file, its upright size (`null` where it can't be shown), its result. */
let photos = [];
/** The one in view. */
let current = null;
/** How often a photo came into view: what was decoded for an earlier time is ignored. */
let viewing = 0;
/** Whether the one in view is decoded; until then nothing is said of it. */
let isDecoded = false;
let running = new AbortController();

/** Opens photos: shows the first, and asks of each who is in it. */
export async function open(files) {
  if (files.length === 0) return;
  running.abort();
  running = new AbortController();
  photos = files.map((file) => ({ file, size: null, result: null, problem: null, isLeft: true }));
  $("welcome").hidden = true;
  $("result").hidden = false;
  listPhotos(photos, (index) => view(photos[index]));
  const decoded = view(photos[0]);
  // The heading has the focus while the response is awaited: what was pressed may be gone.
  $("summary").focus({ preventScroll: true });
  await Promise.all([decoded, lookAtAll()]);
}

/** Puts a photo into view, with what is known of it by now. */
async function view(photo) {
  viewing += 1;
  const mine = viewing;
  current = photo;
  isDecoded = false;
  $("faces").replaceChildren();
  $("explain").hidden = true;
  $("stage-notice").hidden = true;
  setBlank(false);
  setBusy(false);
  notice($("result-notice"), "");
  if (isOpen(photo)) say("Looking for faces …");
  showStates(photos, current);
  const size = await showPhoto(photo.file);
  if (mine !== viewing) return;
  photo.size = size;
  isDecoded = true;
  draw(photo);
}

/** Whether there is neither a result nor a problem yet. */
const isOpen = ({ result, problem }) => !result && !problem;

/** Shows what is known of a photo, if it is the one in view. */
function draw(photo) {
  showStates(photos, current);
  if (photo !== current || !isDecoded) return;
  setBusy(isOpen(photo));
  if (photo.problem) fail(photo.problem);
  else if (photo.result) show(photo.result);
}

/** The photo before the one in view, or after it; after the last comes the first. */
function turn(by) {
  view(photos[(photos.indexOf(current) + by + photos.length) % photos.length]);
}

/** Asks about what is left, the photo in view first. */
async function lookAtAll() {
  const { signal } = running;
  while (!signal.aborted) {
    const next = current.isLeft ? current : photos.find(({ isLeft }) => isLeft);
    if (!next) {
      announceEnd(photos);
      return;
    }
    await look(next);
  }
}

/** Asks about these photos once more. */
async function lookAgain(some) {
  if (some.length === 0) return;
  for (const photo of some) photo.isLeft = true;
  await lookAtAll();
}

/** Another key may find out more, or less. */
export const redraw = () => lookAgain(photos);

/** Asks who is in a photo. Resolves to whether there is a result. */
async function look(photo) {
  const { signal } = running;
  photo.isLeft = false;
  if (photo === current) setBusy(true);
  showStates(photos, current);
  try {
    const form = new FormData();
    form.append("file", photo.file, photo.file.name || "photo.jpg");
    const ask = () => call("POST", path(["recognize"], { top_k: TOP_K }), { form, signal });
    const result = await patiently(ask, { signal, onWait: (seconds) => waiting(photo, seconds), goOn: askToGoOn });
    if (signal.aborted) return false;
    Object.assign(photo, { result, problem: null });
  } catch (problem) {
    if (signal.aborted) return false;
    Object.assign(photo, { result: null, problem: asProblem(problem) });
  }
  draw(photo);
  return photo.result !== null;
}

function say(words) {
  $("summary").textContent = words;
  announce(words);
}

function show(result) {
  notice($("result-notice"), "");
  say(summaryWords(result));
  const usable = checkSize(result.image);
  $("photo").alt = `The photo, with ${result.faces.length} faces marked; the list beside it says who they are`;
  markFaces(result, pickOnPhoto);
  listFaces(result, usable ? $("photo") : null, { onPick: pick, onEnrol: name, onType: suggest });
  $("explain").hidden = result.faces.length === 0;
  const byRate = result.threshold === null;
  $("explain-rate").hidden = !byRate;
  $("explain-distance").hidden = byRate;
  if (byRate) $("explain-strangers").textContent = strangerWords(result.false_name_rate);
  else $("explain-threshold").textContent = shown(result.threshold);
  const ms = Object.values(result.timings_ms).reduce((sum, part) => sum + part, 0);
  $("explain-model").textContent = `Model ${result.model}; ${Math.round(ms)} ms for this photo.`;
}

/** Whether the browser shows the photo as the service has seen it: boxes are in upright pixels. */
function checkSize({ width, height }) {
  const { size } = current;
  const agrees = size?.width === width && size?.height === height;
  let words = "";
  if (!size) words = "Your browser can’t show this kind of picture, so only the places of the faces are drawn.";
  else if (!agrees) {
    words = `Your browser turns this photo differently (${size.width} × ${size.height}) from the service (${width} × ${height}), so only the places of the faces are drawn.`;
  }
  setBlank(!agrees, { width, height });
  $("stage-notice").textContent = words;
  $("stage-notice").hidden = !words;
  return agrees;
}

function waiting(photo, seconds) {
  if (photo !== current) return;
  notice($("result-notice"), `The service is busy. Trying again in ${Math.round(seconds)} s …`, "");
}

/** Resolves to whether the user wants to wait for a service that stays busy; of several photos each has its turn. */
function askToGoOn() {
  if (photos.length > 1) return Promise.resolve(true);
  return new Promise((resolve) => {
    const button = (words, answer, kind) => {
      const element = make("button", { type: "button", className: kind, textContent: words });
      element.addEventListener("click", () => resolve(answer));
      return element;
    };
    const actions = make("div", { className: "actions" }, button("Keep trying", true, "button"), button("Stop", false, "button quiet"));
    notice($("result-notice"), "The service is still busy with other photos. Shall this page go on trying by itself?", "", actions);
  });
}

function fail(problem) {
  clearFaces();
  $("faces").replaceChildren();
  $("explain").hidden = true;
  say("No answer");
  notice($("result-notice"), problemWords(problem), "bad", ...keyOffer(problem, () => lookAgain(photos.filter((photo) => photo.problem))));
}

/** A fault of the page itself is shown too. */
const asProblem = (error) => (error instanceof Problem ? error : new Problem(400, { detail: error.message }));

function pick(index) {
  light(index);
  lightEntry(index);
}

function pickOnPhoto(index, pressed) {
  pick(index);
  if (pressed) goToEntry(index);
}

const askForSuggestions = settled(async () => {
  const people = await suggestions(lastTyped);
  $("known-people").replaceChildren(...people.map(({ name: known }) => make("option", { value: known })));
});
let lastTyped = "";

function suggest(typed) {
  lastTyped = typed;
  if (typed.trim()) askForSuggestions();
}

/** "This is ...": enrols a face of the photo, and looks at the photo again. */
async function name(index, form, force = false) {
  const outcome = form.querySelector(".outcome");
  const photo = current;
  const person = form.elements.name.value;
  await whileBusy(form.querySelector("button[type=submit]"), async () => {
    outcome.replaceChildren();
    try {
      const boxes = photo.result.faces.map((face) => face.box);
      const face = await cutOut($("photo"), photo.size, boxes, index);
      const { photos: outcomes } = await patiently(() => enrol(person, [face], { force, join: true }));
      const refusal = outcomeNotice(outcomes, () => name(index, form, true));
      if (refusal) outcome.append(refusal);
      else if (await look(photo)) enrolled(photo, index, person.trim());
    } catch (problem) {
      const again = () => name(index, form, force);
      notice(outcome, problemWords(asProblem(problem)), "bad", ...keyOffer(problem, again));
    }
  });
}

function enrolled(photo, index, person) {
  lookAgain(photos.filter((other) => other !== photo && other.result?.unknown_faces > 0));
  if (photo !== current) {
    announce(`${person} is enrolled.`);
    return;
  }
  notice($("result-notice"), `${person} is enrolled.`, "good");
  announce(`${person} is enrolled. ${summaryWords(photo.result)}`);
  pick(index);
  $("summary").focus({ preventScroll: true });
}

export function start() {
  for (const id of ["photo-file", "photo-camera", "photo-next"]) {
    $(id).addEventListener("change", () => open(takeFiles($(id))));
  }
  $("photo-again").addEventListener("click", () => whileBusy($("photo-again"), () => look(current)));
  $("batch-earlier").addEventListener("click", () => turn(-1));
  $("batch-later").addEventListener("click", () => turn(1));
  $("faces").addEventListener("pointerleave", () => pick(-1));
  $("marks").addEventListener("pointerleave", () => pick(-1));
  offerCamera();
}

/** A phone's own camera app where there is one, else a camera of the computer. */
function offerCamera() {
  const phone = matchMedia("(pointer: coarse)").matches;
  $("photo-capture").hidden = !phone;
  $("camera-missing").textContent = phone ? "" : cameraWords();
  $("camera-missing").hidden = !$("camera-missing").textContent;
  for (const id of ["camera-open", "camera-again"]) {
    $(id).hidden = phone || !canTakePhotos();
    $(id).addEventListener("click", async () => {
      const photo = await takePhoto();
      if (photo) open([photo]);
    });
  }
}
