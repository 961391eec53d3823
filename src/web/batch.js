// Several photos at once: a row for each, and the way from one to the next.

import { $, announce, make } from "./dom.js";
import { summaryWords } from "./faces.js";
import { counted } from "./words.js";

/** Lists the photos, where there are several; `onPick` hears the index of one that is to be shown. */
export function listPhotos(photos, onPick) {
  $("batch").hidden = photos.length < 2;
  $("batch-rows").replaceChildren(...photos.map((photo, index) => row(photo, () => onPick(index))));
}

function row({ file }, pick) {
  const name = make("span", { className: "file-name", textContent: file.name || "Photo" });
  const button = make("button", { type: "button" }, name, make("span", { className: "state" }));
  button.addEventListener("click", pick);
  return make("li", {}, button);
}

/** Brings the list up to date with what is known by now. */
export function showStates(photos, current) {
  photos.forEach((photo, index) => {
    const button = $("batch-rows").children[index].firstElementChild;
    button.lastElementChild.textContent = stateWords(photo);
    button.classList.toggle("unknown", Boolean(photo.result?.unknown_faces));
    button.classList.toggle("bad", photo.problem !== null);
    if (photo === current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });
  $("batch-place").textContent = `Photo ${photos.indexOf(current) + 1} of ${photos.length}`;
  $("batch-total").textContent = totalWords(photos);
}

function stateWords({ result, problem, isLeft }) {
  if (problem) return "No answer";
  if (result) return summaryWords(result);
  return isLeft ? "Waiting …" : "Looking …";
}

/** One sentence about all the photos. */
function totalWords(photos) {
  const results = photos.map(({ result }) => result).filter(Boolean);
  const failed = photos.filter(({ problem }) => problem).length;
  const sum = (count) => results.reduce((total, result) => total + count(result), 0);
  const [faces, unknown] = [sum((result) => result.faces.length), sum((result) => result.unknown_faces)];
  const without = failed > 0 ? `, ${failed} without an answer` : "";
  return `${results.length + failed} of ${photos.length} looked at${without}: ${counted(faces, "face")}, ${unknown} unknown`;
}

/** Says that there is nothing left to look at. */
export function announceEnd(photos) {
  if (photos.length > 1) announce(totalWords(photos));
}
