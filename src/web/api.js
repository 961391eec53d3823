// Calls of the service: version 1 of its HTTP API.

const KEY = "facerec-key";
/** How often a request to a busy service is repeated before the user is asked. */
const QUIET_TRIES = 2;
const LONGEST_WAIT_S = 15;
/** What a key of scope `recognize` is enough for; all else needs `manage`. */
const RECOGNIZES = /^v1\/(recognize|sessions(\/[^/]+\/photos)?)(\?|$)/;

/** The API key of this tab; "" where there is none. */
export const key = () => sessionStorage.getItem(KEY) ?? "";

export function setKey(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

/** A response that is no success, or no response at all (`status` 0). */
export class Problem extends Error {
  constructor(status, body = {}, { retryAfterS = 1, sentKey = false, address = "" } = {}) {
    super(body.detail ?? "");
    this.status = status;
    this.code = body.code ?? "";
    this.body = body;
    this.retryAfterS = retryAfterS;
    this.sentKey = sentKey;
    this.address = address;
  }

  /** Nothing was done, so the request can be repeated. After a `timeout` something may have been done: only the user repeats that. */
  get isBusy() { return this.code === "busy"; }
  get wantsKey() { return this.status === 401 || this.status === 403; }

  /** The scope of a key that would help. */
  get scope() { return this.status !== 403 && RECOGNIZES.test(this.address) ? "recognize" : "manage"; }
}

/** A path below /v1 from its parts, each of them escaped, and a query. */
export function path(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given).toString();
  return `v1/${parts.map(encodeURIComponent).join("/")}${search && "?"}${search}`;
}

/** One request, with the key of this tab or with `as`. The JSON of the response, or `null` where it has no body; throws a `Problem`. */
export async function call(method, address, { form, json, signal, as = key() } = {}) {
  const headers = { Accept: "application/json" };
  if (json) headers["Content-Type"] = "application/json";
  const body = form ?? (json && JSON.stringify(json));
  return parsed(await (await send(address, { method, headers, body, signal, as })).text());
}

/** Saves the response to a GET request as a file. */
export async function download(address, name) {
  const link = Object.assign(document.createElement("a"), { href: await blobUrl(address), download: name });
  link.click();
  // The browser has the file by then; there is no event that says so.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A URL of the response body of a GET request; the caller revokes it. */
export async function blobUrl(address) {
  return URL.createObjectURL(await (await send(address, { method: "GET", headers: {}, as: key() })).blob());
}

/** The response to a request with the key `as`; throws a `Problem` where it is no success. */
async function send(address, { headers, as, ...options }) {
  if (as) headers.Authorization = `Bearer ${as}`;
  let response;
  try {
    response = await fetch(address, { headers, ...options, credentials: "omit", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (response.ok) return response;
  const retryAfterS = Number(response.headers.get("Retry-After")) || 1;
  throw new Problem(response.status, parsed(await response.text()) ?? {}, { retryAfterS, sentKey: Boolean(as), address });
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/**
 * Runs `job` again while the service is busy: a few times by itself, then for as long as `goOn`
 * resolves to true. `onWait` hears of each wait.
 */
export async function patiently(job, { onWait = () => {}, goOn = async () => false, signal } = {}) {
  for (let tries = 1, patient = false; ; tries += 1) {
    try {
      return await job();
    } catch (problem) {
      if (!(problem instanceof Problem && problem.isBusy)) throw problem;
      if (!patient && tries > QUIET_TRIES) {
        patient = await goOn(problem);
        if (!patient) throw problem;
      }
      const seconds = Math.min(problem.retryAfterS * tries, LONGEST_WAIT_S);
      onWait(seconds);
      await pause(seconds, signal);
    }
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new DOMException("stopped", "AbortError"));
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    setTimeout(resolve, seconds * 1000);
  });
}
