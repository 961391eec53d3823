// Taking a photo with a camera of the computer.

import { $ } from "./dom.js";

const JPEG_QUALITY = 0.95;
const WANTED = { video: { facingMode: "user", width: { ideal: 1920 }, height: { ideal: 1080 } } };

/** Browsers give the camera only to pages that came safely: over HTTPS, or from this machine. */
export const canTakePhotos = () => window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);

/** Why there is no camera; "" where there is one, or where HTTPS would not help. */
export const cameraWords = () => (window.isSecureContext ? "" :
  "The camera is off: browsers allow it only to pages that came over HTTPS, and this one came over HTTP. Ask whoever runs this service for an address that begins with https://, or choose a file.");

const TROUBLES = {
  NotAllowedError: "This page may not use the camera. Allow it in your browser’s settings for this page.",
  NotFoundError: "There is no camera here.",
  NotReadableError: "The camera is in use by another program.",
};

/** Resolves to a photo, or to `null` when the dialog was closed without one. */
export function takePhoto() {
  const [dialog, picture, take, trouble] = ["camera-dialog", "camera-picture", "camera-take", "camera-notice"].map($);
  trouble.hidden = true;
  take.disabled = true;
  dialog.showModal();
  let stream;
  let photo = null;
  let over = false;
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  navigator.mediaDevices.getUserMedia(WANTED).then(async (opened) => {
    // It may take a moment to allow the camera. The dialog may be gone by then, or open again for another photo.
    if (over) return stop(opened);
    stream = opened;
    picture.srcObject = stream;
    await picture.play();
    take.disabled = false;
    return take.focus();
  }).catch((error) => {
    if (over) return;
    trouble.textContent = TROUBLES[error.name] ?? "The camera can’t be used.";
    trouble.hidden = false;
  });
  take.onclick = async () => {
    photo = await still(picture);
    dialog.close();
  };
  return closed.then(() => {
    over = true;
    stop(stream);
    picture.srcObject = null;
    return photo;
  });
}

function stop(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

function still(picture) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.videoWidth, height: picture.videoHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY); });
}
