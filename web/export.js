// The dialog “Save”: what was detected as a file, of the picture on show or of all in the strip, or to the clipboard.

import { $, make } from "./dom.js";
import { FORMATS, report } from "./formats.js";
import { annotatedPng } from "./overlay.js";
import { counted } from "./readout.js";
import { zip } from "./zip.js";

/**
 * Binds the dialog. `source()` is on show; `all()` are the items of the strip with reports, and `read(item)` opens one,
 * until its source is closed. `say` and `fail` tell the user.
 */
export function bindSave({ source, all, labels, read, say, fail }) {
  // A frame has a name of its own.
  function shown() {
    const { element, name, file, decodeMs } = source() ?? {};
    if (!window.lastResult) return null;
    if (!element.videoWidth) return { element, file, report: report(name, decodeMs, window.lastResult) };
    const time = file ? `-${element.currentTime.toFixed(2)}s` : "";
    return { element, report: report(`${name.replace(/\.[^.]*$/, "")}${time}.png`, null, window.lastResult) };
  }

  const one = () => ({ name: shown().report.image, items: [shown()] });
  const every = () => ({ name: "pictures", items: all() });
  const chosen = () => ($("save-all").checked ? every() : one());

  function open() {
    const count = all().length;
    if (!shown() && !count) return;
    $("save-scope").hidden = !count;
    $("save-all-text").textContent = `All with results (${counted(count, "picture")})`;
    $("save-one").disabled = !shown();
    $(count > 1 || !shown() ? "save-all" : "save-one").checked = true;
    enable();
    $("save").showModal();
  }

  // One picture fits into the clipboard.
  function enable() {
    for (const name of ["save-copy", "save-text"]) $(name).hidden = !navigator.clipboard?.write;
    $("save-copy").disabled = $("save-all").checked;
  }

  async function perform(name) {
    $("save").close();
    const { name: stem, items } = chosen();
    const done = await ACTS[name]?.(items) ?? await written(name, items);
    if (!done.blob) return say(done);
    const file = `${stem.split("/").at(-1).replace(/\.[^.]*$/, "")}.${done.suffix}`;
    download(done.blob, file);
    say(`Saved ${file}.`);
  }

  async function written(name, items) {
    const { suffix, text, files, pictures } = FORMATS[name];
    const reports = items.map(({ report }) => report);
    if (text) return { suffix, blob: new Blob([text(reports)]) };
    const contents = files(reports, labels());
    if ($("save-pictures").checked) for (const item of items) contents.push(await picture(item, pictures));
    return { suffix, blob: await zip(contents) };
  }

  // The picture itself, as it came; a frame as PNG.
  async function picture({ report, element, file }, folder) {
    return [`${folder}/${report.image}`, file ?? await png(element, { ...report, detections: [] })];
  }

  const ACTS = {
    async png(items) {
      if (!$("save-all").checked) return { suffix: "detections.png", blob: await drawn(items[0]) };
      return { suffix: "detections.zip", blob: await zip(drawings(items)) };
    },
    async copy([item]) {
      // The promise inside keeps the click's permission.
      await write({ "image/png": drawn(item) });
      return "The picture with its boxes has been copied.";
    },
    async text(items) {
      const reports = items.map(({ report }) => report);
      await write({ "text/plain": new Blob([FORMATS.json.text(reports)], { type: "text/plain" }) });
      return "The detections have been copied as JSON.";
    },
  };

  async function* drawings(items) {
    for (const item of items) {
      const source = await read(item);
      try {
        yield [`${item.report.image.replace(/\.[^./]*$/, "")}.png`, await drawn({ ...item, element: source.element })];
      } finally {
        source.close();
      }
    }
  }

  $("save-open").onclick = open;
  $("save-scope").onchange = enable;
  $("save-formats").onclick = ({ target }) => {
    const button = target.closest("button");
    if (button) perform(button.value).catch(fail);
  };

  return { open, png: () => shown() && ($("save-one").checked = true) && perform("png").catch(fail) };
}

// The picture with the boxes of its report.
function drawn({ element, report }) {
  const detections = report.detections.map(({ label, class: classIndex, score, box: [x1, y1, x2, y2], track }) =>
    ({ label, classIndex, score, track, box: { x: x1, y: y1, width: x2 - x1, height: y2 - y1 } }));
  return png(element, { ...report, detections });
}

async function png(element, result) {
  const blob = await annotatedPng(element, result);
  if (!blob) throw new Error("The picture is too large for this browser to save as PNG: save the JSON instead.");
  return blob;
}

async function write(content) {
  try {
    await navigator.clipboard.write([new ClipboardItem(content)]);
  } catch ({ message }) {
    throw new Error(`The clipboard did not take it (${message}): permit it in the site's settings, or save a file.`);
  }
}

/** Saves a Blob under a name. */
export function download(blob, name) {
  const href = URL.createObjectURL(blob);
  make("a", { href, download: name }).click();
  // Once the download has begun, it holds the data itself.
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
