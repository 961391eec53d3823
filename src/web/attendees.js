// The faces of a session's photos, as long as the session is in view. Nothing of them is stored.

import { cutOut, drawPortrait } from "./crop.js";

/** Side of a kept face, pixels: the canvas of an entry. */
const SIDE = 96;

/** Person's id to the newest face of the person. */
const known = new Map();
let unknown = [];
/** How often all were forgotten: a face that was being cut then comes too late. */
let epoch = 0;

export function forgetFaces() {
  epoch += 1;
  known.clear();
  unknown = [];
}

/** The face that was cut for this person; `undefined` where none was. */
export const faceOf = (personId) => known.get(personId);

/** Faces of nobody enrolled, each with its portrait `canvas`. */
export const unknownFaces = () => unknown;

/** Takes a face out of the list, once it has a name. */
export function settleFace(face) {
  unknown = unknown.filter((other) => other !== face);
}

/** Cuts the faces out of a photo that was recognised. One that the browser can't show has none. */
export async function keepFaces(file, { faces, image }) {
  const mine = epoch;
  const picture = await pictureOf(file);
  if (mine === epoch && picture?.width === image.width && picture.height === image.height) {
    const boxes = faces.map(({ box }) => box);
    for (const [index, face] of faces.entries()) {
      const canvas = portrait(picture, face.box);
      if (face.person) known.set(face.person.id, canvas);
      // The file, and not the picture: a phone has no memory for a class of those.
      else if (face.decision === "unknown") unknown.push({ canvas, file, size: image, boxes, index });
    }
  }
  picture?.close();
}

/** An unknown face as a photo to enrol. */
export async function photoOf({ file, size, boxes, index }) {
  const picture = await decode(file);
  try {
    return await cutOut(picture, size, boxes, index);
  } finally {
    picture.close();
  }
}

const decode = (file) => createImageBitmap(file, { imageOrientation: "from-image" });

async function pictureOf(file) {
  try {
    return await decode(file);
  } catch {
    return null;
  }
}

function portrait(picture, box) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: SIDE, height: SIDE });
  drawPortrait(canvas, picture, box);
  return canvas;
}
