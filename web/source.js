// Where pictures come from: a file, a video, an address, the camera, the screen.
// Each opener returns `{ element, name, file, live, mirrored, decodeMs, close }` or throws an Error with a sentence.
// `element` is what the page shows and the detector reads; `file` is a picture's or video's Blob; `live` is "camera",
// "screen", "video" while it plays, or "".

import { make } from "./dom.js";
import { isVideo } from "./files.js";

/** A still picture from a File or Blob. */
export async function openBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const close = () => URL.revokeObjectURL(url);
  const element = make("img", { alt: name, src: url });
  const start = performance.now();
  try {
    await element.decode();
  } catch {
    close();
    throw new Error(`${name} is not a picture that this browser can read: choose a JPEG, PNG, WebP, AVIF or GIF file.`);
  }
  return { element, name, file: blob, live: "", mirrored: false, decodeMs: performance.now() - start, close };
}

/** A picture or a video from a File or Blob. */
export const openFile = (blob, name) => (isVideo({ type: blob.type, name }) ? openVideo : openBlob)(blob, name);

/** A video, paused. It is `running` while each of its frames is looked at. */
export async function openVideo(blob, name) {
  const url = URL.createObjectURL(blob);
  const element = make("video", { muted: true, playsInline: true, preload: "auto", src: url, ariaLabel: name });
  const close = () => {
    element.removeAttribute("src");
    element.load();
    URL.revokeObjectURL(url);
  };
  const happens = (event) => new Promise((resolve) => element.addEventListener(event, () => resolve(event)));
  const seen = await Promise.race([happens("loadeddata"), happens("error")]);
  if (seen === "error" || !element.videoWidth) {
    close();
    throw new Error(`${name} is not a video that this browser can play: convert it to MP4 (H.264) or WebM.`);
  }
  if (element.duration === Infinity) {
    // What a browser recorded says its length only at its end.
    element.currentTime = 1e9;
    await Promise.race([happens("durationchange"), happens("seeked")]);
    element.currentTime = 0;
    await happens("seeked");
  }
  return {
    element, name, file: blob, mirrored: false, decodeMs: null, close, running: null,
    get live() { return element.paused && !this.running ? "" : "video"; },
  };
}

/** A picture or a video from an address. It is fetched, so that its pixels may be read. */
export async function openUrl(url) {
  const name = url.startsWith("data:") ? "picture" : new URL(url, document.baseURI).pathname.split("/").pop() || url;
  const response = await fetch(url).catch(() => null);
  if (response?.ok) return openFile(await response.blob(), name);
  const why = response ? `the server answered ${response.status}` : "its site is out of reach or does not permit it";
  throw new Error(`${name} could not be fetched (${why}): save it and open the file.`);
}

/** Live pictures from the camera `deviceId`, or else from one that faces away. */
export function openCamera(deviceId, onEnded) {
  const video = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: { ideal: "environment" } };
  return openStream("camera", () => navigator.mediaDevices.getUserMedia({ video }), onEnded);
}

/** Live pictures of a screen, window or tab. It takes a click of the user. */
export function openScreen(onEnded) {
  return openStream("screen", () => navigator.mediaDevices.getDisplayMedia({ video: true }), onEnded);
}

/** The cameras. They have names once the user has allowed one. */
export async function cameras() {
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}

const REFUSALS = {
  NotAllowedError: "was not allowed: permit it when the browser asks, or in its site settings",
  NotFoundError: "was not found: connect one, or open a picture",
  NotReadableError: "is in use elsewhere: close the other program",
  OverconstrainedError: "is gone: choose another one",
  TypeError: "is not available on an insecure page: open this one over https or from localhost",
};

async function openStream(name, request, onEnded) {
  const element = make("video", { muted: true, playsInline: true });
  const close = () => element.srcObject?.getTracks().forEach((track) => track.stop());
  try {
    element.srcObject = await request();
    await element.play();
  } catch (error) {
    close();
    throw new Error(`The ${name} ${REFUSALS[error.name] ?? `did not start (${error.message}): try again`}.`);
  }
  const [track] = element.srcObject.getVideoTracks();
  // Not after stop(), but when the device is unplugged or the user ends the capture.
  track.addEventListener("ended", onEnded);
  const { facingMode, deviceId } = track.getSettings();
  return { element, name, live: name, mirrored: facingMode === "user", deviceId, decodeMs: null, close };
}
