// The photo, upright, with a mark on each face.

import { $, make } from "./dom.js";
import { placeLabels } from "./labels.js";

const SVG = "http://www.w3.org/2000/svg";
/** Length of a mark's corners, of the box's shorter side. */
const CORNER = 0.24;

let address = "";
/** The recognition result whose faces are marked. */
let marked = { image: { width: 1, height: 1 }, faces: [] };

/**
 * Shows a photo. Resolves to its upright size, or to `null` where the browser can't show its format;
 * the browser applies the EXIF orientation by itself.
 */
export async function showPhoto(file) {
  const picture = $("photo");
  clearFaces();
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(file);
  picture.src = address;
  picture.alt = "The photo";
  try {
    await picture.decode();
  } catch {
    return null;
  }
  const size = { width: picture.naturalWidth, height: picture.naturalHeight };
  setRatio(size);
  return size;
}

/** The frame takes the photo's shape before the photo is there. */
function setRatio({ width, height }) {
  $("frame").style.setProperty("--ratio", String(width / height));
}

export const setBusy = (busy) => $("frame").classList.toggle("busy", busy);

/** An empty frame in place of a photo that can't be shown. */
export function setBlank(blank, size) {
  $("frame").classList.toggle("blank", blank);
  if (blank) setRatio(size);
}

export function clearFaces() {
  marked = { ...marked, faces: [] };
  $("marks").replaceChildren();
  $("tags").replaceChildren();
}

/** Marks the faces of a recognition result. `onPick` hears the index of a face that is pressed or pointed at. */
export function markFaces(result, onPick) {
  clearFaces();
  marked = result;
  const { image, faces } = result;
  const marks = $("marks");
  marks.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
  marks.setAttribute("preserveAspectRatio", "none");
  // Large faces first, so that a small one before them can be pressed.
  faces.forEach((face, index) => {
    marks.append(mark(face, index, onPick));
    $("tags").append(tag(face, index));
  });
  layOut();
}

function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}

function mark(face, index, onPick) {
  const { x, y, width, height } = face.box;
  const group = svg("g", { class: face.decision, "data-face": index });
  const shape = face.decision === "match" ? corners(face.box) : `M${x} ${y}h${width}v${height}h${-width}z`;
  const area = svg("rect", { class: "mark", x, y, width, height });
  area.addEventListener("click", () => onPick(index, true));
  area.addEventListener("pointerenter", () => onPick(index, false));
  group.append(area, svg("path", { class: "under", d: shape }), svg("path", { class: "over", d: shape }));
  return group;
}

/** Four corners, as in a viewfinder. */
function corners({ x, y, width, height }) {
  const arm = Math.min(width, height) * CORNER;
  const [right, bottom] = [x + width, y + height];
  return [
    `M${x} ${y + arm}V${y}H${x + arm}`,
    `M${right - arm} ${y}H${right}V${y + arm}`,
    `M${right} ${bottom - arm}V${bottom}H${right - arm}`,
    `M${x + arm} ${bottom}H${x}V${bottom - arm}`,
  ].join("");
}

/** Number and name of a face. */
function tag(face, index) {
  const words = make("span", {}, make("b", { textContent: String(index + 1) }));
  words.append(make("i", { textContent: face.person?.name ?? "Unknown" }));
  return make("div", { className: `tag ${face.decision}` }, words);
}

/** Puts the labels in their places, for the size in which the photo is shown just now. */
function layOut() {
  const { image, faces } = marked;
  const tags = [...$("tags").children];
  const photo = { width: $("tags").clientWidth, height: $("tags").clientHeight };
  if (tags.length === 0 || photo.width === 0) return;
  for (const element of tags) Object.assign(element.style, { left: "0", top: "0", width: "100%" });
  const widths = tags.map((element) => Math.ceil(element.firstElementChild.getBoundingClientRect().width) + 1);
  const scale = photo.width / image.width;
  const boxes = faces.map(({ box: { x, y, width, height } }) =>
    ({ x: x * scale, y: y * scale, width: width * scale, height: height * scale }));
  placeLabels(boxes, widths, tags[0].offsetHeight, photo).forEach(({ x, y, width }, index) => {
    Object.assign(tags[index].style, { left: `${x}px`, top: `${y}px`, width: `${width}px` });
  });
}

/** Labels keep their size when the photo is shown in another one, and need other places. */
new ResizeObserver(layOut).observe($("frame"));

/** Lights one face up; none for -1. */
export function light(index) {
  for (const group of $("marks").children) {
    group.classList.toggle("lit", Number(group.dataset.face) === index);
  }
}
