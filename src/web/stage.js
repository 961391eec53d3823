// The photo, upright, with a mark on each face.

import { $, make } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
/** Length of a mark's corners, of the box's shorter side. */
const CORNER = 0.24;
/** Labels go above a face that ends lower than this share of the photo's height. */
const LOW = 0.9;
/** Room for a label, of the face's width; longer names are cut. */
const TAG_WIDTH = 1.4;

let address = "";

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
  $("marks").replaceChildren();
  $("tags").replaceChildren();
}

/** Marks the faces of an answer. `onPick` hears the index of a face that is pressed or pointed at. */
export function markFaces({ image, faces }, onPick) {
  clearFaces();
  const marks = $("marks");
  marks.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
  marks.setAttribute("preserveAspectRatio", "none");
  // Large faces first, so that a small one before them can be pressed.
  faces.forEach((face, index) => {
    marks.append(mark(face, index, onPick));
    $("tags").append(tag(face, index, image));
  });
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

/** Number and name below a face, or above it where there is no room below. */
function tag(face, index, image) {
  const { x, y, width, height } = face.box;
  const above = y + height > image.height * LOW;
  const words = make("span", {}, make("b", { textContent: String(index + 1) }));
  words.append(make("i", { textContent: face.person?.name ?? "Unknown" }));
  const element = make("div", { className: `tag ${face.decision}` }, words);
  element.classList.toggle("above", above);
  const room = width * TAG_WIDTH;
  element.style.left = `${((x + (width - room) / 2) / image.width) * 100}%`;
  element.style.width = `${(room / image.width) * 100}%`;
  element.style.top = `${((above ? y : y + height) / image.height) * 100}%`;
  return element;
}

/** Lights one face up; none for -1. */
export function light(index) {
  for (const group of $("marks").children) {
    group.classList.toggle("lit", Number(group.dataset.face) === index);
  }
}
