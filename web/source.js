// Where pictures come from: a file, an address, the camera, the screen.
// Each opener gives `{ element, name, live, mirrored, decodeMs, close }` or throws an Error with a sentence.
// `element` is what the page shows and what the detector reads; `live` is "camera", "screen" or "".

/** A still picture from a File or Blob. */
export async function openBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const close = () => URL.revokeObjectURL(url);
  const element = Object.assign(new Image(), { alt: name, src: url });
  const start = performance.now();
  try {
    await element.decode();
  } catch {
    close();
    throw new Error(`${name} is not a picture that this browser can read: choose a JPEG, PNG, WebP, AVIF or GIF file.`);
  }
  return { element, name, live: "", mirrored: false, decodeMs: performance.now() - start, close };
}

/** A still picture from an address. Fetched, not linked, so that its pixels may be read. */
export async function openUrl(url) {
  const name = url.startsWith("data:") ? "picture" : new URL(url, document.baseURI).pathname.split("/").pop() || url;
  // Without CORS a site looks like one that cannot be reached.
  const response = await fetch(url).catch(() => ({ status: "nothing that this page may read" }));
  if (response.ok) return openBlob(await response.blob(), name);
  throw new Error(`${name} could not be fetched (the server answered ${response.status}): save it and open the file.`);
}

/** Live pictures from the camera `deviceId`, or from one that looks away from the user. */
export function openCamera(deviceId, onEnded) {
  const video = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: { ideal: "environment" } };
  return openStream("camera", () => navigator.mediaDevices.getUserMedia({ video }), onEnded);
}

/** Live pictures of a screen, window or tab. Needs a click of the user. */
export function openScreen(onEnded) {
  return openStream("screen", () => navigator.mediaDevices.getDisplayMedia({ video: true }), onEnded);
}

/** The cameras. Browsers tell their names only after the user has allowed one. */
export async function cameras() {
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}

const REFUSALS = {
  NotAllowedError: "was not allowed: permit it when the browser asks, or in its site settings",
  NotFoundError: "was not found: connect one, or open a picture",
  NotReadableError: "is in use elsewhere: close the other program",
  OverconstrainedError: "is gone: choose another one",
  TypeError: "cannot be reached from this page: open it over https or from localhost",
};

async function openStream(name, request, onEnded) {
  const element = document.createElement("video");
  let stream;
  const close = () => stream?.getTracks().forEach((track) => track.stop());
  try {
    stream = await request();
    Object.assign(element, { muted: true, playsInline: true, srcObject: stream });
    await element.play();
  } catch (error) {
    close();
    throw new Error(`The ${name} ${REFUSALS[error.name] ?? `did not start (${error.message}): try again`}.`);
  }
  const [track] = stream.getVideoTracks();
  // When the device is unplugged or the user ends the capture, not on our own stop().
  track.addEventListener("ended", onEnded);
  const { facingMode, deviceId } = track.getSettings();
  return { element, name, live: name, mirrored: facingMode === "user", deviceId, decodeMs: null, close };
}
