// Small helpers for the document. Text comes in as text, never as markup: a name may look like a tag.

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** A new element with properties and children; strings become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A copy of the first element in a template. */
export const copyOf = (id) => $(id).content.firstElementChild.cloneNode(true);

/** Has a screen reader say it; the same words twice are said twice. */
export function announce(words) {
  const announcer = $("announcer");
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = words; }, 50);
}

/**
 * Puts a notice into `place`, or takes it away when there are no words. Kinds: "bad", "good" and "".
 * `more` are further elements below the words.
 */
export function notice(place, words, kind = "bad", ...more) {
  place.replaceChildren();
  if (!words) return;
  const box = make("div", { className: `notice ${kind}` }, make("p", { textContent: words }), ...more);
  if (kind === "bad") box.setAttribute("role", "alert");
  place.append(box);
}

/** Runs `job` while `button` can't be pressed again; it keeps the focus. */
export async function whileBusy(button, job) {
  if (button.getAttribute("aria-disabled") === "true") return undefined;
  button.setAttribute("aria-disabled", "true");
  try {
    return await job();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/** `job` that runs once calls have stopped for `ms`. */
export function settled(job, ms = 250) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(job, ms);
  };
}

/** For each dialog what ends the wait for its closing. */
const waiting = new WeakMap();

/**
 * Opens `dialog` once `prepare` has run; resolves to what `result` says, if given, when it is closed. The event of its closing comes a moment
 * later. Whoever opens it again within that moment is not meant by the event.
 */
export function askIn(dialog, prepare, result) {
  waiting.get(dialog)?.();
  prepare();
  dialog.showModal();
  return new Promise((resolve) => {
    const end = () => {
      dialog.removeEventListener("close", closed);
      waiting.delete(dialog);
      resolve(result?.());
    };
    const closed = () => {
      if (!dialog.open) end();
    };
    waiting.set(dialog, end);
    dialog.addEventListener("close", closed);
  });
}

/** Asks for a confirmation in a dialog; resolves to whether it was given. */
export function confirmed(title, words, yes) {
  const dialog = $("sure-dialog");
  return askIn(dialog, () => {
    $("sure-title").textContent = title;
    $("sure-words").textContent = words;
    $("sure-yes").textContent = yes;
    dialog.returnValue = "no";
  }, () => dialog.returnValue === "yes");
}

/** Empties a file input, so that the same file may be chosen again, and gives what was in it. */
export function takeFiles(input) {
  const files = [...input.files];
  input.value = "";
  return files;
}
