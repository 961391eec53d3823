// Taking a photo with a camera of the computer.

import { $, askIn } from "./dom.js";

const JPEG_QUALITY = 0.95;

/** Browsers give the camera only to pages that came safely: over HTTPS, or from this machine. */
export const canTakePhotos = () => window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);

/** Why there is no camera; "" where there is one, or where HTTPS would not help. */
export const cameraWords = () => (window.isSecureContext ? "" :
  "The camera is off: browsers allow it only to pages that came over HTTPS, and this one came over HTTP. Ask whoever runs this service for an address that begins with https, or choose a file.");

const TROUBLES = {
  NotAllowedError: "This page may not use the camera. Allow it in your browser’s settings for this page.",
  NotFoundError: "There is no camera here.",
  NotReadableError: "The camera is in use by another program.",
};

/**
 * Shows the camera's picture in a video element and resolves to its stream, for `closeCamera`. `facing` is "user" or
 * "environment". What is thrown says in words why there is no picture.
 */
export async function openCamera(video, facing) {
  const wanted = { video: { facingMode: facing, width: { ideal: 1920 }, height: { ideal: 1080 } } };
  if (!canTakePhotos()) throw new Error(cameraWords() || TROUBLES.NotFoundError);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(wanted);
    video.srcObject = stream;
    await video.play();
    return stream;
  } catch (error) {
    // It may be on although its picture can't be shown: another one was put into the same place meanwhile.
    closeCamera(stream);
    throw new Error(TROUBLES[error.name] ?? "The camera can’t be used.", { cause: error });
  }
}

export function closeCamera(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

/** Resolves to a photo, or to `null` when the dialog was closed without one. */
export function takePhoto(facing = "user") {
  const [dialog, picture, take, trouble] = ["camera-dialog", "camera-picture", "camera-take", "camera-notice"].map($);
  let stream;
  let photo = null;
  let over = false;
  const closed = askIn(dialog, () => {
    trouble.hidden = true;
    take.disabled = true;
  });
  openCamera(picture, facing).then((opened) => {
    // It may take a moment to allow the camera. The dialog may be gone by then, or open again for another photo.
    if (over) return closeCamera(opened);
    stream = opened;
    take.disabled = false;
    return take.focus();
  }).catch((error) => {
    if (over) return;
    trouble.textContent = error.message;
    trouble.hidden = false;
  });
  take.onclick = async () => {
    photo = await still(picture);
    dialog.close();
  };
  return closed.then(() => {
    over = true;
    closeCamera(stream);
    picture.srcObject = null;
    return photo;
  });
}

/** What a video element shows now, as a photo. */
export function still(picture) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.videoWidth, height: picture.videoHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY); });
}
