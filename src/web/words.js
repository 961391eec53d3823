// Responses of the service in plain words.

/** "1 face", "2 faces". */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** A distance as it is shown. */
export const shown = (distance) => distance.toFixed(3);

/** A probability as a share of strangers: "1 in 3,000 strangers", "fewer than 1 in 1,000,000 strangers". */
export function strangerWords(probability) {
  if (probability < 1e-6) return "fewer than 1 in 1,000,000 strangers";
  if (probability > 0.5) return "most strangers";
  const one = 1 / probability;
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(one)) - 1);
  return `1 in ${(Math.round(one / digits) * digits).toLocaleString("en")} strangers`;
}

const round = (value) => Math.round(value);
const percent = (value) => `${(value * 100).toFixed(value > 0.99 ? 1 : 0)} %`;

const TURNED = {
  yaw: "turned to the side",
  pitch: "turned up or down",
  roll: "tilted",
};

/** Why the gate refuses a photo, with what was measured and what is needed. */
const REASONS = {
  not_an_image: ({ detail }) => ["It can’t be read as a photo.", sentence(detail)].filter(Boolean).join(" "),
  no_face: () => "No face was found in it.",
  several_faces: ({ measured }) => `${measured} faces are in it; there should be one.`,
  face_too_small: ({ measured, needed }) => `The face is ${round(measured)} pixels wide; at least ${round(needed)} are needed.`,
  low_probability: ({ measured, needed }) => `It may not be a face: ${percent(measured)} sure, ${percent(needed)} needed.`,
  blurred: ({ measured, needed }) => `The face is blurred: sharpness ${round(measured)}, at least ${round(needed)} needed.`,
  extreme_pose: ({ axis, measured, needed }) => `The head is ${TURNED[axis] ?? "turned"} by ${round(measured)}°; up to ${round(needed)}° is fine.`,
  unlike_own_photos: ({ person, measured, needed }) =>
    `It is unlike this person’s other photos and looks like ${person.name}: distance ${shown(measured)}, at least ${shown(needed)} expected between two people.`,
  looks_like_another_person: ({ person, measured, needed }) =>
    `It looks like ${person.name}: distance ${shown(measured)}, at least ${shown(needed)} expected between two people.`,
  same_photo_again: () => "This photo is enrolled already.",
};

export const reasonWords = (reason) => (REASONS[reason.reason] ?? (() => reason.detail ?? reason.reason))(reason);

/** Whether "enrol anyway" can help. */
export const canBeForced = (reasons) => reasons.every(({ reason }) => reason !== "no_face" && reason !== "not_an_image");

const PROBLEMS = {
  busy: "The service is busy with other photos. Try again in a moment.",
  timeout: "The service did not get to it in time. Try again in a moment.",
  too_large: "The file is larger than the service takes.",
  unsupported_image: "This is not a kind of picture that the service knows.",
  undecodable_image: "The picture is broken and can’t be opened.",
  too_many_pixels: "The picture has more pixels than the service takes.",
  several_faces: "Several faces are in the picture, and it is not clear which is meant.",
  invalid_roster: "The file can’t be used as a roster.",
  name_taken: "Somebody of this name is enrolled already. Open that person to add photos, or choose another name.",
  last_photo: "It is the person’s only photo. Delete the person instead.",
  data_folder_locked: "Another program is changing the people just now, so nothing was changed.",
  not_found: "This is not there any more. Somebody may have deleted it.",
};

/** Codes whose words are complete; those of another code are followed by the `detail` of the response. */
const COMPLETE = new Set(["busy", "timeout", "name_taken", "last_photo", "not_found", "unauthorized", "forbidden"]);

const UNREACHABLE = "The service can’t be reached. Check that it is running and that you are connected.";
const FAILED = "The service has failed. Its log says why.";

function aboutKeys({ status, sentKey, message }) {
  if (status === 401 && sentKey) return `The service does not take this key. ${sentence(message)}`.trim();
  if (status === 401) return "The service asks for a key. Enter yours to go on.";
  if (sentKey) return "Your key is good for recognising, but not for managing people. Enter one that is.";
  return "People are managed with a key, or from the machine that the service runs on. Neither is the case here.";
}

/** What went wrong. */
export function problemWords(problem) {
  if (problem.status === 0) return UNREACHABLE;
  if (problem.wantsKey) return aboutKeys(problem);
  const own = PROBLEMS[problem.code];
  if (COMPLETE.has(problem.code)) return own;
  if (problem.status >= 500) return FAILED;
  return [own, sentence(problem.message)].filter(Boolean).join(" ") || `The service answered with ${problem.status}.`;
}

/** With a capital letter and a full stop. */
export function sentence(text) {
  if (!text) return "";
  const end = /[.!?…]$/.test(text) ? "" : ".";
  return text[0].toUpperCase() + text.slice(1) + end;
}

/** What another roster changes, in words. */
export function changeWords(changes) {
  const { losing_id_total: losing, losing_id: who } = changes;
  const kinds = [["added", "added"], ["removed", "removed"], ["changed", "with another ID"], ["changed_until", "with another last day"], ["changed_groups", "in other groups"]];
  const parts = kinds.map(([kind, what]) => [changes[`${kind}_total`], what]).filter(([count]) => count > 0);
  const words = parts.length === 0 ? "Nothing changes." : `${parts.map(([count, what]) => `${counted(count, "name")} ${what}`).join(", ")}.`;
  if (losing === 0) return words;
  const shownNames = who.slice(0, 5).map(({ name }) => name).join(", ");
  return `${words} ${counted(losing, "enrolled person", "enrolled people")} will lose the ID: ${shownNames}${losing > 5 ? " …" : "."}`;
}

/** An ID as it is shown. */
export const idWords = (id) => (id === null || id === undefined || id === "" ? "No ID" : `ID ${id}`);

/** The ID that counts: the roster's, or else the person's own. */
export const idOf = (person) => idWords(person.roster_id ?? person.student_id);

/** Until when somebody is recognised; "" where that has no end. */
export function expiryWords({ expires, roster_expires: rosterExpires, expired }) {
  const last = [expires, rosterExpires].filter(Boolean).sort()[0];
  if (!last) return "";
  return expired ? `Expired: the last day was ${last}` : `Until ${last}`;
}

/** A time in the reader's own way; "" where it is not known. */
export const timeWords = (time) => (time ? new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "");
