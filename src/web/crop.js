// Faces cut from the upright photo.

/** Of the face's box, on each side: what a face needs around it to be found again. */
const ENROL_MARGIN = 0.7;
const PORTRAIT_MARGIN = 0.18;
/** Around a face's own box; the service looks no further when it compares. */
const OWN_MARGIN = 0.2;
/** Neighbours are covered with a little more than their box. */
const NEIGHBOUR_MARGIN = 0.1;
const COVER = "#808080";
const JPEG_QUALITY = 0.95;

const grown = (box, share) => ({
  x: box.x - box.width * share,
  y: box.y - box.height * share,
  width: box.width * (1 + 2 * share),
  height: box.height * (1 + 2 * share),
});

/** The part of a box that lies in the photo, in whole pixels. */
function within(box, photo) {
  const x = Math.max(0, Math.floor(box.x));
  const y = Math.max(0, Math.floor(box.y));
  const right = Math.min(photo.width, Math.ceil(box.x + box.width));
  const bottom = Math.min(photo.height, Math.ceil(box.y + box.height));
  return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
}

/** A square around the middle of a box. */
function squared(box) {
  const side = Math.max(box.width, box.height);
  return { x: box.x + (box.width - side) / 2, y: box.y + (box.height - side) / 2, width: side, height: side };
}

/** Draws the face `box` of `picture` into a canvas, edge to edge. */
export function drawPortrait(canvas, picture, box) {
  const part = squared(grown(box, PORTRAIT_MARGIN));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, part.x, part.y, part.width, part.height, 0, 0, canvas.width, canvas.height);
}

/**
 * The face `boxes[index]` with a generous margin, as a JPEG of the photo's own pixels. Other faces in
 * it are covered, so that it shows one person and the right one. `photo` is the upright size.
 */
export function cutOut(picture, photo, boxes, index) {
  const part = within(grown(boxes[index], ENROL_MARGIN), photo);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: part.width, height: part.height });
  const context = canvas.getContext("2d");
  const copy = ({ x, y, width, height }) =>
    context.drawImage(picture, x, y, width, height, x - part.x, y - part.y, width, height);
  copy(part);
  context.fillStyle = COVER;
  for (const [at, box] of boxes.entries()) {
    if (at === index) continue;
    const cover = grown(box, NEIGHBOUR_MARGIN);
    context.fillRect(cover.x - part.x, cover.y - part.y, cover.width, cover.height);
  }
  copy(within(grown(boxes[index], OWN_MARGIN), photo));
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the face can't be cut out"))), "image/jpeg", JPEG_QUALITY);
  });
}
