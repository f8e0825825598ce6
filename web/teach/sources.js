// Where the album's pictures come from: files, folders, data sets, an address, the camera, and what the page shows.

import { $, make } from "../dom.js";
import { isVideo, pictures, unused } from "../files.js";
import { counted } from "../readout.js";
import { listSamples } from "../samples.js";
import { openBlob, openCamera, openUrl } from "../source.js";
import { clipped } from "./geometry.js";

const TOLD = 500; // ms between two words on how far it is
const PARTS = [[0, 0.1, 0.6], [0.4, 0.35, 0.6]]; // of a scene: left, top and sides, as shares of its own

/** Binds the buttons. `shown()` is what the page shows, `say` and `fail` tell the user. */
export function bindSources(album, { shown, say, fail }) {
  let live = null; // the camera
  let asked = 0; // for a camera, which may be ready only once nobody wants it any more
  let busy = 0;

  const attempt = (task) => task().catch(fail);

  /** Adds pictures, or a data set with its labels. `empty` says that the user's objects are in none of them. */
  async function take(files, empty = false) {
    closeCamera();
    busy += 1;
    try {
      const { readDataset } = await import("./datasets/read.js");
      const { format, entries } = await readDataset(files);
      if (!entries.length && files.some(isVideo)) {
        throw new Error("Open a video in the page itself, pause it at your object, and press “From the page” here.");
      }
      if (!entries.length) {
        throw new Error(`No picture is among ${counted(files.length, "file")}: choose JPEG, PNG or WebP.`);
      }
      await addAll(entries, empty, format);
    } finally {
      busy -= 1;
    }
  }

  async function addAll(entries, empty, format) {
    navigator.storage?.persist?.(); // asks the browser not to drop them
    const token = {}; // one step to undo
    const done = { added: 0, known: 0, labelled: 0, unreadable: 0, unfit: 0 };
    const held = new Map(album.pictures.map((picture) => [`${picture.name} ${picture.bytes}`, picture.id]));
    const names = new Set(album.pictures.map((picture) => picture.name)); // files of the data set in the end
    let first = null;
    let told = performance.now();
    for (const [index, entry] of entries.entries()) {
      if (performance.now() - told > TOLD) {
        told = performance.now();
        say(`Adding pictures: ${index} of ${entries.length}`);
      }
      const id = await addOne(entry, { held, names }, done, empty, token);
      first ??= id;
    }
    const place = album.pictures.findIndex(({ id }) => id === first);
    if (place >= 0) album.go(place);
    const parts = [
      `${counted(done.added, "picture")} added${done.labelled ? `, ${done.labelled} with labels${format}` : ""}`,
      done.known && `${done.known} were there already`,
      done.unreadable && `${done.unreadable} cannot be read`,
      done.unfit && `the labels of ${done.unfit} are for a picture of another size`,
    ];
    say(`${parts.filter(Boolean).join("; ")}.`);
  }

  async function addOne({ file, name, labels }, { held, names }, done, empty, token) {
    const size = await measured(file, name);
    if (!size) {
      done.unreadable += 1;
      return null;
    }
    const given = labels?.(size);
    if (given === "unfit") done.unfit += 1;
    const known = Array.isArray(given);
    const boxes = known ? given.map((box) => clipped(box, size)).filter(Boolean) : [];
    done.labelled += known;
    const before = held.get(`${name} ${file.size}`);
    const old = before && album.pictures.find(({ id }) => id === before);
    if (!old) {
      const free = unused(name, names);
      const added = await album.add(file, { name: free, ...size, boxes, empty: empty || known }, token);
      done.added += 1;
      return added.id;
    }
    // A data set that comes back from elsewhere has the newer labels.
    done.known += 1;
    if (known) await album.change(old, { boxes, empty: true }, token);
    return old.id;
  }

  async function takeAddress(url) {
    const name = url.startsWith("data:") ? "picture" : new URL(url, document.baseURI).pathname.split("/").pop() || url;
    const response = await fetch(url).catch(() => null);
    const why = response ? `the server answered ${response.status}` : "its site is out of reach or does not permit it";
    if (!response?.ok) throw new Error(`${name} could not be fetched (${why}): save it and open the file.`);
    await take([new File([await response.blob()], named(name, response.headers.get("content-type")))]);
  }

  // The page's everyday scenes, whole and in parts, as pictures without the user's objects: not those with a class that
  // the user has, too.
  async function takeScenes() {
    const mine = new Set(album.classes.map(({ name }) => name.toLowerCase()));
    const others = ({ kind, classes }) => kind === "everyday" && !classes.some((name) => mine.has(name));
    const files = [];
    for (const { file } of (await listSamples()).filter(others)) {
      const { element, file: whole, close } = await openUrl(`./samples/${file}`);
      files.push(new File([whole], file, { type: whole.type }));
      for (const [place, part] of PARTS.entries()) {
        files.push(await frame(element, file.replace(".", ` ${place + 2}.`), part));
      }
      close();
    }
    await take(files, true);
  }

  // Of a picture or video of the page: the file, or the frame as it is.
  async function takeShown() {
    const { element, file, name } = shown() ?? {};
    if (!element) throw new Error("The page shows nothing yet: add pictures here.");
    if (!element.videoWidth && file) return take([new File([file], named(name, file.type), { type: file.type })]);
    const time = file ? `${element.currentTime.toFixed(2)}s` : stamp();
    await take([await frame(element, `${name.replace(/\.[^.]*$/, "")} ${time}.jpg`)]);
  }

  async function toggleCamera() {
    if (live) return closeCamera();
    const turn = ++asked;
    const camera = await openCamera(null, closeCamera);
    if (turn !== asked) return camera.close();
    live = camera;
    Object.assign($("teach-camera"), { srcObject: live.element.srcObject, hidden: false });
    $("teach-camera").classList.toggle("mirrored", live.mirrored);
    await $("teach-camera").play();
    showCamera();
  }

  function closeCamera() {
    asked += 1;
    live?.close();
    live = null;
    $("teach-camera").srcObject = null;
    showCamera();
  }

  function showCamera() {
    $("teach-camera").hidden = $("teach-snap").hidden = !live;
    $("teach").classList.toggle("live", Boolean(live));
    $("teach-live").ariaPressed = String(Boolean(live));
    $("teach-live").textContent = live ? "Close camera" : "Camera";
  }

  async function snap() {
    if (!live || !$("teach-camera").videoWidth) return; // its first frame is yet to come
    const file = await frame($("teach-camera"), `camera ${stamp()}.jpg`);
    const size = await measured(file, file.name);
    await album.add(file, { name: file.name, ...size });
    album.go(album.pictures.length - 1);
    say(`${counted(album.pictures.length, "picture")}: move the object or the camera, and take another one.`);
  }

  const choose = (id, empty) => {
    $(id).onchange = ({ target }) => {
      const files = [...target.files];
      target.value = ""; // lets the same file be chosen again
      if (files.length) attempt(() => take(files, empty));
    };
  };
  choose("teach-file", false);
  choose("teach-folder", false);
  choose("teach-others", true);
  $("teach-live").onclick = () => attempt(toggleCamera);
  $("teach-snap").onclick = () => attempt(snap);
  $("teach-scenes").onclick = () => attempt(takeScenes);
  $("teach-shown").onclick = () => attempt(takeShown);
  $("teach-link").onclick = () => {
    $("teach-address").hidden = !$("teach-address").hidden;
    $("teach-address").firstElementChild.focus();
  };
  $("teach-address").onsubmit = (event) => {
    event.preventDefault();
    const [input] = event.target.elements;
    if (!URL.canParse(input.value)) return fail(new Error("That is no address: paste one that begins with https://."));
    attempt(async () => {
      await takeAddress(input.value);
      input.value = "";
      event.target.hidden = true;
    });
  };

  return {
    take: (files, empty) => attempt(() => take(files, empty)),
    takeAddress: (url) => attempt(() => takeAddress(url)),
    snap: () => attempt(snap),
    closeCamera,
    get live() { return Boolean(live); },
    /** `{ element, mirrored }` once the camera has a frame, or null. */
    get camera() {
      const element = $("teach-camera");
      return live && element.videoWidth ? { element, mirrored: live.mirrored } : null;
    },
    get busy() { return busy > 0; },
  };
}

// The size as shown, or null for what is no picture.
async function measured(file, name) {
  try {
    const { element, close } = await openBlob(file, name);
    const { naturalWidth: width, naturalHeight: height } = element;
    close();
    return width && height ? { width, height } : null;
  } catch {
    return null;
  }
}

// What a video or a picture shows, or a part of it.
async function frame(element, name, [left, top, share] = [0, 0, 1]) {
  const [width, height] = [element.videoWidth || element.naturalWidth, element.videoHeight || element.naturalHeight];
  const canvas = make("canvas", { width: Math.round(width * share), height: Math.round(height * share) });
  canvas.getContext("2d").drawImage(element, -Math.round(left * width), -Math.round(top * height));
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
  if (!blob) throw new Error("The picture is too large for this browser to keep: use a smaller one.");
  return new File([blob], name, { type: blob.type });
}

const stamp = () => new Date().toISOString().slice(0, 23).replace("T", " ").replaceAll(":", "-");

// A file from an address may lack its ending, by which other programs know what it is.
function named(name, type) {
  const ending = type?.match(/^image\/(jpeg|png|webp|avif|gif|bmp)/)?.[1];
  return ending && pictures([{ name, type: "", path: name }]).length === 0 ? `${name}.${ending}` : name;
}
