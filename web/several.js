// Several pictures: a strip of them, one on show, and detection in all of them until it is stopped.

import { $ } from "./dom.js";
import { isVideo, pictures } from "./files.js";
import { report } from "./formats.js";
import { counted, showStatus } from "./readout.js";
import { openBlob, openFile } from "./source.js";
import { bindStrip } from "./strip.js";

const pending = ({ report, error }) => !report && !error;

/**
 * Binds it. `open(opener)` shows a source, `clear()` shows none, `work(task)` reports an error of a task, `lanes()`
 * pictures are on their way at once, `detect(element)` promises a result, `changed()` follows all that changes.
 */
export function bindSeveral({ open, clear, work, lanes, detect, changed }) {
  const strip = bindStrip({ choose: openItem, changed: show });
  let run = null; // `{ stopped }`
  let version = 0; // of settings and model

  // A picture or a video is shown alone, several pictures with their strip.
  function openFiles(files) {
    const found = files.length === 1 ? [{ file: files[0], name: files[0].name }] : pictures(files);
    if (found.length > 1) return strip.open(found);
    const { file, name } = found[0] ?? { file: files.find(isVideo), name: files.find(isVideo)?.name };
    return open(async () => {
      if (file) return openFile(file, name);
      throw new Error(`No picture or video is among ${counted(files.length, "file")}: choose JPEG, PNG, WebP or MP4.`);
    });
  }

  function openItem(item) {
    return open(async () => {
      try {
        return { ...await openBlob(item.file, item.name), item };
      } catch (error) {
        strip.note(item, { error: error.message });
        if (item === strip.chosen) clear();
        throw error;
      }
    });
  }

  async function detectItem({ file, name }) {
    const source = await openBlob(file, name);
    try {
      return { report: report(name, source.decodeMs, await detect(source.element)) };
    } finally {
      source.close();
    }
  }

  // One picture after the other. After a change of settings or model all are done again.
  async function lane(mine, items, place) {
    const over = () => mine.stopped || strip.items !== items;
    while (!over()) {
      if (place.version !== version) Object.assign(place, { version, next: 0 });
      const item = items[place.next++];
      if (!item) return;
      if (!pending(item)) continue;
      const before = version;
      const known = await detectItem(item).catch((error) => {
        // Of the detector, not of the picture.
        if (["DeviceLost", "Disposed"].includes(error.name) && before === version) throw error;
        return { error: error.message };
      });
      if (before === version && strip.items === items) strip.note(item, known);
    }
  }

  async function start() {
    const mine = { stopped: false };
    run = mine;
    show();
    const [items, place] = [strip.items, { next: 0, version }];
    try {
      await Promise.all(Array.from({ length: lanes() }, () => lane(mine, items, place)));
      if (strip.items === items) showStatus(strip.summary());
    } finally {
      mine.stopped = true;
      run = null;
      show();
    }
  }

  function show() {
    const { items } = strip;
    const left = items.filter(pending).length;
    $("all").textContent = run ? "Stop" : "Detect all";
    $("all").disabled = run ? run.stopped : !left || !lanes();
    Object.assign($("all-progress"), { hidden: !run, max: items.length || 1, value: items.length - left });
    changed();
  }

  $("all").onclick = () => {
    if (!run) return work(start);
    run.stopped = true;
    show();
  };

  return {
    strip,
    openFiles,
    detected: () => strip.items.filter((item) => item.report),
    /** What was detected no longer holds: there are other settings, or another model. */
    change() {
      version += 1;
      strip.forget();
    },
  };
}
