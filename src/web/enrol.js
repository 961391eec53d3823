// Enrolling: one name, some photos, and what became of each.

import { call, path } from "./api.js";
import { make, whileBusy } from "./dom.js";
import { canBeForced, counted, reasonWords } from "./words.js";

const plain = (name) => name.trim().normalize("NFC");

/** People whose name holds `part`; none where that may not be asked. */
export async function suggestions(part) {
  try {
    return (await call("GET", path(["people"], { q: plain(part), limit: 8 }))).people;
  } catch {
    return [];
  }
}

function formOf(photos, fields) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) if (value) form.append(field, value);
  photos.forEach((photo, index) => form.append("photos", photo, photo.name || `face-${index + 1}.jpg`));
  return form;
}

/** Adds photos to a person. What became of each, also when none of them was taken. */
export function addPhotos(id, photos, { force = false } = {}) {
  return outcomes(call("POST", path(["people", id, "photos"]), { form: formOf(photos, { force }) }));
}

/**
 * Enrols a new person; with `join`, somebody of this name, however it is spelt, who is there already gets the photos.
 * Resolves to what became of each photo, and to the person's `id`; `undefined` where nobody was enrolled.
 */
export async function enrol(name, photos, { studentId = "", expires = "", force = false, join = false } = {}) {
  const form = formOf(photos, { name: plain(name), student_id: studentId.trim(), expires, force });
  try {
    const response = call("POST", path(["people"]), { form });
    return { photos: await outcomes(response), id: (await response.catch(() => null))?.id };
  } catch (problem) {
    if (!join || problem.code !== "name_taken") throw problem;
    const id = problem.body.person_id;
    return { photos: await addPhotos(id, photos, { force }), id };
  }
}

/** The outcome of each photo. Where none was accepted, the error response has them. */
async function outcomes(response) {
  try {
    return (await response).photos;
  } catch (problem) {
    if (Array.isArray(problem.body?.photos)) return problem.body.photos;
    throw problem;
  }
}

/**
 * What became of the photos, as an element; `null` where all were taken. `onForce`, when given, is
 * offered where it can help: it enrols the refused ones all the same.
 */
export function outcomeNotice(photos, onForce) {
  const refused = photos.filter(({ outcome }) => outcome === "rejected");
  if (refused.length === 0) return null;
  const taken = photos.length - refused.length;
  const box = make("div", { className: "notice" });
  const first = photos.length === 1 ? "This photo was not taken." : `${counted(refused.length, "photo")} of ${photos.length} not taken.`;
  box.append(make("p", {}, make("strong", { textContent: taken ? `${counted(taken, "photo")} enrolled. ${first}` : first })));
  for (const { photo, reasons } of refused) {
    if (photos.length > 1 && photo) box.append(make("p", { textContent: photo }));
    box.append(make("ul", {}, ...reasons.map((reason) => make("li", { textContent: reasonWords(reason) }))));
  }
  if (onForce && refused.some(({ reasons }) => canBeForced(reasons))) {
    const button = make("button", { type: "button", className: "button quiet", textContent: "Enrol anyway" });
    button.addEventListener("click", () => whileBusy(button, onForce));
    box.append(make("div", { className: "actions" }, button));
  }
  return box;
}

/** Which of the files were refused but can be forced. */
export function forceable(files, photos) {
  return files.filter((_, index) => photos[index]?.outcome === "rejected" && canBeForced(photos[index].reasons));
}
