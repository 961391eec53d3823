// Thumbnails of enrolled photos. They are asked for with the key, which an image by itself does not send.

import { make } from "./dom.js";
import { path, blobUrl } from "./api.js";

/** The thumbnail of a photo of the person with this id: an image that is seen once it is there. */
export function thumbnail(person, photo, words) {
  const image = make("img", { className: "thumbnail", alt: words, width: 160, height: 160, hidden: true });
  load(image, path(["people", person, "photos", photo, "thumbnail"])).catch(() => image.remove());
  return image;
}

async function load(image, address) {
  const url = await blobUrl(address);
  const done = () => URL.revokeObjectURL(url);
  image.addEventListener("load", done, { once: true });
  image.addEventListener("error", done, { once: true });
  Object.assign(image, { src: url, hidden: false });
}
