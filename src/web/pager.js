// A long list in parts, with a search: the people, the roster.

import { $, announce, notice, settled } from "./dom.js";
import { call, path } from "./api.js";
import { keyOffer } from "./key.js";
import { problemWords } from "./words.js";

const PAGE_LENGTH = 50;

/**
 * The list at `/v1/{list}`, in elements whose ids begin with `list`: its search field, its count, its
 * notice and its buttons. `fill(page, query)` shows a page of it; `failed` empties it.
 */
export function pager(list, { fill, failed }) {
  const part = (name) => $(`${list}-${name}`);
  let offset = 0;
  // Number of the newest request: the response to an older one is ignored.
  let newest = 0;

  async function show() {
    newest += 1;
    const mine = newest;
    const q = part("query").value.trim();
    try {
      const page = await call("GET", path([list], { q, offset, limit: PAGE_LENGTH }));
      if (mine !== newest) return;
      if (offset > 0 && offset >= page.total) {
        // The last entry of the last page is gone.
        offset = Math.max(0, offset - PAGE_LENGTH);
        await show();
        return;
      }
      if (part("notice").querySelector(".bad")) notice(part("notice"), "");
      showRange(page.total);
      fill(page, q);
    } catch (problem) {
      if (mine !== newest) return;
      part("pages").hidden = true;
      part("count").textContent = "The list can’t be shown.";
      failed();
      notice(part("notice"), problemWords(problem), "bad", ...keyOffer(problem, show));
    }
  }

  function showRange(total) {
    const end = Math.min(offset + PAGE_LENGTH, total);
    part("pages").hidden = total <= PAGE_LENGTH;
    part("range").textContent = `${offset + 1}–${end} of ${total}`;
    part("earlier").disabled = offset === 0;
    part("later").disabled = end >= total;
  }

  async function turn(by) {
    offset = Math.max(0, offset + by * PAGE_LENGTH);
    await show();
    announce(part("range").textContent);
    part("title").focus();
  }

  part("earlier").addEventListener("click", () => turn(-1));
  part("later").addEventListener("click", () => turn(1));
  part("search").addEventListener("submit", (event) => event.preventDefault());
  part("query").addEventListener("input", settled(() => {
    offset = 0;
    show();
  }));

  return {
    show,
    /** From the beginning, without a search. */
    restart() {
      part("query").value = "";
      offset = 0;
      return show();
    },
  };
}
