// The faces of a session's photos, as long as the session is in view. Nothing of them is stored.

import { drawPortrait } from "./crop.js";

/** Side of a kept face, pixels: the canvas of an entry. */
const SIDE = 96;

/** Person's id to the newest face of the person. */
const known = new Map();
let unknown = [];

export function forgetFaces() {
  known.clear();
  unknown = [];
}

/** The face that was cut for this person; `undefined` where none was. */
export const faceOf = (personId) => known.get(personId);

/** Faces of nobody enrolled: `{ canvas, picture, size, boxes, index }`. */
export const unknownFaces = () => unknown;

/** Takes a face out of the list, once it has a name. */
export function settleFace(face) {
  unknown = unknown.filter((other) => other !== face);
}

/** Cuts the faces out of a photo that was recognised. One that the browser can't show has none. */
export async function keepFaces(file, { faces, image }) {
  const picture = await pictureOf(file);
  if (picture?.width !== image.width || picture?.height !== image.height) return;
  const boxes = faces.map(({ box }) => box);
  for (const [index, face] of faces.entries()) {
    const canvas = portrait(picture, face.box);
    if (face.person) known.set(face.person.id, canvas);
    else if (face.decision === "unknown") unknown.push({ canvas, picture, size: image, boxes, index });
  }
}

async function pictureOf(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
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
