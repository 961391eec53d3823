// Recognise: a photo comes in, its faces are marked and listed, and unknown ones can be named.

import { $, announce, make, notice, settled, takeFiles, whileBusy } from "./dom.js";
import { Problem, call, path, patiently } from "./api.js";
import { cutOut } from "./crop.js";
import { enrol, outcomeNotice, suggestions } from "./enrol.js";
import { goToEntry, lightEntry, listFaces, summaryWords } from "./faces.js";
import { keyOffer } from "./key.js";
import { cameraWords, canTakePhotos, takePhoto } from "./camera.js";
import { clearFaces, light, markFaces, setBlank, setBusy, showPhoto } from "./stage.js";
import { problemWords, shown, strangerWords } from "./words.js";

/** People listed for a face: the nearest, and who comes next. */
const TOP_K = 3;

/** The photo in view: its file, its upright size (`null` where it can't be shown), its answer. */
let current = { file: null, size: null, answer: null };
let running = new AbortController();

/** Opens a photo: shows it, and asks who is in it. */
export async function open(file) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  current = { file, size: null, answer: null };
  $("welcome").hidden = true;
  $("result").hidden = false;
  $("faces").replaceChildren();
  $("explain").hidden = true;
  setBlank(false);
  say("Looking for faces …");
  notice($("result-notice"), "");
  $("stage-notice").hidden = true;
  // The heading has the focus while the answer is awaited: what was pressed may be gone.
  $("summary").focus({ preventScroll: true });
  const size = await showPhoto(file);
  if (signal.aborted) return;
  current.size = size;
  await look(signal);
}

/** Asks who is in the current photo. Whether there is an answer. */
async function look(signal = running.signal) {
  setBusy(true);
  try {
    const form = new FormData();
    form.append("file", current.file, current.file.name || "photo.jpg");
    const ask = () => call("POST", path(["recognize"], { top_k: TOP_K }), { form, signal });
    const answer = await patiently(ask, { signal, onWait: waiting, goOn: askToGoOn });
    if (signal.aborted) return false;
    show(answer);
    return true;
  } catch (problem) {
    if (!signal.aborted) fail(problem);
    return false;
  } finally {
    if (!signal.aborted) setBusy(false);
  }
}

function say(words) {
  $("summary").textContent = words;
  announce(words);
}

function show(answer) {
  current.answer = answer;
  notice($("result-notice"), "");
  say(summaryWords(answer));
  const usable = checkSize(answer.image);
  $("photo").alt = `The photo, with ${answer.faces.length} faces marked; the list beside it says who they are`;
  markFaces(answer, pickOnPhoto);
  listFaces(answer, usable ? $("photo") : null, { onPick: pick, onEnrol: name, onType: suggest });
  $("explain").hidden = answer.faces.length === 0;
  const byRate = answer.threshold === null;
  $("explain-rate").hidden = !byRate;
  $("explain-distance").hidden = byRate;
  if (byRate) $("explain-strangers").textContent = strangerWords(answer.false_name_rate);
  else $("explain-threshold").textContent = shown(answer.threshold);
  const ms = Object.values(answer.timings_ms).reduce((sum, part) => sum + part, 0);
  $("explain-model").textContent = `Model ${answer.model}; ${Math.round(ms)} ms for this photo.`;
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

function waiting(seconds) {
  notice($("result-notice"), `The service is busy. Trying again in ${Math.round(seconds)} s …`, "");
}

/** Resolves to whether the user wants to wait for a service that stays busy. */
function askToGoOn() {
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
  notice($("result-notice"), problemWords(asProblem(problem)), "bad", ...keyOffer(problem, () => look()));
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
  const person = form.elements.name.value;
  await whileBusy(form.querySelector("button[type=submit]"), async () => {
    outcome.replaceChildren();
    try {
      const boxes = current.answer.faces.map((face) => face.box);
      const photo = await cutOut($("photo"), current.size, boxes, index);
      const { photos } = await patiently(() => enrol(person, [photo], { force, join: true }));
      const refusal = outcomeNotice(photos, () => name(index, form, true));
      if (refusal) outcome.append(refusal);
      else if (await look()) enrolled(index, person.trim());
    } catch (problem) {
      const again = () => name(index, form, force);
      notice(outcome, problemWords(asProblem(problem)), "bad", ...keyOffer(problem, again));
    }
  });
}

function enrolled(index, person) {
  notice($("result-notice"), `${person} is enrolled.`, "good");
  announce(`${person} is enrolled. ${summaryWords(current.answer)}`);
  pick(index);
  $("summary").focus({ preventScroll: true });
}

export function start() {
  for (const id of ["photo-file", "photo-camera", "photo-next"]) {
    $(id).addEventListener("change", () => takeFiles($(id)).slice(0, 1).forEach(open));
  }
  $("photo-again").addEventListener("click", () => whileBusy($("photo-again"), () => look()));
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
      if (photo) open(photo);
    });
  }
}
