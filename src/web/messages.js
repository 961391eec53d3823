// Messages to other systems that no receiver took.

import { $, announce, make, notice, whileBusy } from "./dom.js";
import { call, path } from "./api.js";
import { trying } from "./key.js";
import { counted, problemWords, sentence, timeWords } from "./words.js";

/** Messages listed, the latest first. */
const LISTED = 20;

const EVENTS = {
  "attendance.marked": "Somebody was seen",
  "attendance.corrected": "A correction",
  "session.closed": "A session was closed",
  "face.unknown": "An unknown face",
};

/** Shows them where there are any; without the right to manage people, there is nothing to show. */
export async function show() {
  try {
    const { messages, dead } = await call("GET", path(["webhooks", "dead-letters"], { limit: LISTED }));
    $("messages").hidden = dead === 0;
    $("messages-count").textContent = `${counted(dead, "message")} to other systems ${dead === 1 ? "was" : "were"} not delivered.`;
    $("messages-rows").replaceChildren(...messages.map(row));
  } catch (problem) {
    $("messages").hidden = problem.wantsKey;
    if (!problem.wantsKey) notice($("messages-notice"), problemWords(problem));
  }
}

function row({ id, event, message, dead_at: deadAt, attempts, last_error: error }) {
  const about = message?.data ?? {};
  const words = [EVENTS[event] ?? event, about.person?.name, about.session?.title].filter(Boolean).join(" · ");
  const why = `Given up on ${timeWords(deadAt)} after ${counted(attempts, "attempt")}. ${sentence(error)}`;
  const again = make("button", { type: "button", className: "button quiet", textContent: "Send again" });
  again.setAttribute("aria-label", `Send again: ${words}`);
  again.addEventListener("click", () => whileBusy(again, () => resend({ id })));
  return make("li", {}, make("p", { className: "name", textContent: words }), make("p", { className: "hint", textContent: why }), again);
}

/** Sends one again, or all of them. */
async function resend(which) {
  await trying($("messages-notice"), async () => {
    const { resent } = await call("POST", path(["webhooks", "dead-letters", "resend"]), { json: which });
    const words = `${counted(resent, "message")} will be sent again.`;
    await show();
    // The list may be empty now, and hidden.
    notice($("register-notice"), words, "good");
    announce(words);
  }, () => resend(which));
}

export function start() {
  $("messages-all").addEventListener("click", () => whileBusy($("messages-all"), () => resend(undefined)));
}
