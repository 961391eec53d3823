// What the service answers, in plain words.

/** "1 face", "2 faces". */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** A distance as it is shown. */
export const shown = (distance) => distance.toFixed(3);

const round = (value) => Math.round(value);
const percent = (value) => `${(value * 100).toFixed(value > 0.99 ? 1 : 0)} %`;

const TURNED = {
  yaw: "turned to the side",
  pitch: "turned up or down",
  roll: "tilted",
};

/** Why the gate refuses a photo, with what was measured and what is needed. */
const REASONS = {
  not_an_image: () => "It can’t be read as a photo.",
  no_face: () => "No face was found in it.",
  several_faces: ({ measured }) => `${measured} faces are in it; there should be one.`,
  face_too_small: ({ measured, needed }) => `The face is ${round(measured)} pixels wide; at least ${round(needed)} are needed.`,
  low_probability: ({ measured, needed }) => `It may not be a face: ${percent(measured)} sure, ${percent(needed)} needed.`,
  blurred: ({ measured, needed }) => `The face is blurred: sharpness ${round(measured)}, at least ${round(needed)} needed.`,
  extreme_pose: ({ axis, measured, needed }) => `The head is ${TURNED[axis] ?? "turned"} by ${round(measured)}°; up to ${round(needed)}° is fine.`,
  looks_like_another_person: ({ name, person, measured, needed }) =>
    `It looks like ${name ?? person?.name ?? "another person"}: distance ${shown(measured)}, at least ${shown(needed)} expected between two people.`,
  same_photo_again: () => "This photo is enrolled already.",
};

export const reasonWords = (reason) => (REASONS[reason.reason] ?? (() => reason.detail ?? reason.reason))(reason);

/** Whether "enrol anyway" can help. */
export const canBeForced = (reasons) => reasons.every(({ reason }) => reason !== "no_face" && reason !== "not_an_image");

const PROBLEMS = {
  busy: "The service is busy with other photos. Try again in a moment.",
  timeout: "The service did not get to it in time. Try again in a moment.",
  too_large: "The file is larger than the service takes.",
  unsupported_image: "This is not a kind of picture that the service knows. It takes JPEG, PNG, WebP, GIF, BMP and TIFF.",
  undecodable_image: "The picture is broken and can’t be opened.",
  too_many_pixels: "The picture has more pixels than the service takes.",
  missing_key: "The service asks for a key. Enter yours to go on.",
};

const STATUSES = {
  0: "The service can’t be reached. Check that it is running and that you are connected.",
  401: "The service asks for a key, and does not know the one it was given. Enter yours to go on.",
  403: "This is not allowed to you: it needs a key that may manage people, or the machine the service runs on.",
  404: "This is not there any more.",
  500: "The service has failed. Its log says why.",
};

/** What went wrong; the service's own detail in addition, where that says more. */
export function problemWords(problem) {
  const own = PROBLEMS[problem.code] ?? STATUSES[problem.status];
  if (problem.status >= 500 || problem.status === 0) return own ?? STATUSES[500];
  const detail = sentence(problem.message);
  return [own, detail].filter(Boolean).join(" ") || `The service answered with ${problem.status}.`;
}

/** With a capital letter and a full stop. */
export function sentence(text) {
  if (!text) return "";
  const end = /[.!?…]$/.test(text) ? "" : ".";
  return text[0].toUpperCase() + text.slice(1) + end;
}

/** An ID as it is shown. */
export const idWords = (id) => (id === null || id === undefined || id === "" ? "No ID" : `ID ${id}`);

/** When a thing was made, from its ULID; "" for another kind of id. */
export function madeAt(ulid) {
  const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(ulid)) return "";
  const ms = [...ulid.slice(0, 10)].reduce((sum, digit) => sum * 32 + DIGITS.indexOf(digit), 0);
  return new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
