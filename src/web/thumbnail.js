// Thumbnails of enrolled photos. They are asked for with the key, which an image by itself does not send.

import { make } from "./dom.js";
import { path, blobUrl } from "./api.js";

/** Requests under way at a time: an audit may show thousands. */
const AT_ONCE = 4;

/** Images that are not asked for yet, with their addresses. */
const waiting = [];
let underWay = 0;

/** The thumbnail of a photo of the person with this id: an image that is seen once it is there. To be put into the page at once. */
export function thumbnail(person, photo, words) {
  const image = make("img", { className: "thumbnail", alt: words, width: 160, height: 160, hidden: true });
  waiting.push({ image, address: path(["people", person, "photos", photo, "thumbnail"]) });
  setTimeout(askForNext);
  return image;
}

function askForNext() {
  while (underWay < AT_ONCE && waiting.length > 0) {
    const { image, address } = waiting.shift();
    // Another view has taken its place meanwhile.
    if (!image.isConnected) continue;
    underWay += 1;
    load(image, address).catch(() => image.remove()).finally(() => {
      underWay -= 1;
      askForNext();
    });
  }
}

async function load(image, address) {
  const url = await blobUrl(address);
  const done = () => URL.revokeObjectURL(url);
  image.addEventListener("load", done, { once: true });
  image.addEventListener("error", done, { once: true });
  Object.assign(image, { src: url, hidden: false });
}
