// Where the labels of faces go on the photo: below the face or above it, within the photo, clear of each other.

/** Room for a label that has none of its own, of the face's width; longer names are cut. */
const TIGHT = 1.4;

const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** A label of this width for a face: centred on it, moved into the photo. */
function centred({ x, width }, wanted, photo) {
  const label = Math.min(wanted, photo.width);
  return { x: Math.min(Math.max(x + (width - label) / 2, 0), photo.width - label), width: label };
}

/** Where a label may be in the vertical, the better place first; over the face where the photo ends at its edges. */
function heights({ y, height }, label, photo) {
  const places = [y + height, y - label].filter((top) => top >= 0 && top + label <= photo.height);
  return places.length > 0 ? places : [Math.min(Math.max(y + height - label, 0), photo.height - label)];
}

/**
 * Places a label for each face, all in pixels of the photo as it is shown. `widths` are those of the uncut labels, and
 * `height` is that of each. A label that would cover another face or label is cut to the width of its own face.
 */
export function placeLabels(faces, widths, height, photo) {
  const placed = [];
  faces.forEach((face, index) => {
    const across = centred(face, widths[index], photo);
    const tops = heights(face, height, photo);
    const places = tops.map((y) => ({ ...across, y, height }));
    const isClear = (place) => !placed.some((other) => overlap(place, other))
      && !faces.some((other, at) => at !== index && overlap(place, other));
    const tight = { ...centred(face, Math.min(widths[index], face.width * TIGHT), photo), y: tops[0], height };
    placed.push(places.find(isClear) ?? tight);
  });
  return placed;
}
