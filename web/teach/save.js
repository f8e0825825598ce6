// Saving what was labelled as a data set: a ZIP, or files in a folder.

import { $ } from "../dom.js";
import { download } from "../export.js";
import { counted } from "../readout.js";
import { zip } from "../zip.js";
import { isLabelled } from "./album.js";
import { DATASETS } from "./datasets/read.js";

/** Binds the buttons. `say` and `fail` tell the user. */
export function bindSaving(album, { say, fail }) {
  // Pictures that nobody has labelled would teach that nothing is in them.
  const labelled = () => album.pictures.filter(isLabelled);

  /** The files of the data set, each `[name, text or Blob]`, one at a time. */
  async function* files(format) {
    const { write, folder } = DATASETS[format];
    const labels = album.classes.map(({ name }) => name);
    const reports = labelled().map(({ name, width, height, boxes }) => ({
      image: name,
      width,
      height,
      detections: boxes.map(({ label, x, y, width: wide, height: high }) =>
        ({ label, class: labels.indexOf(label) + 1, box: [x, y, x + wide, y + high] })),
    }));
    yield* write(reports, labels);
    for (const { id, name } of labelled()) yield [`${folder}/${name}`, await album.file(id)];
  }

  function told(where) {
    const [saved, left] = [labelled().length, album.pictures.length - labelled().length];
    say(`Saved ${counted(saved, "picture")} ${where}${left ? `; ${left} without labels are left out` : ""}.`);
  }

  const check = () => {
    if (!labelled().length) throw new Error("Nothing is labelled yet: draw boxes, or say “Nothing here”.");
    return $("teach-format").value;
  };

  async function saveZip() {
    const format = check();
    say("Writing the data set");
    const name = `labels.${format}.zip`;
    download(await zip(files(format)), name);
    told(`as ${name}`);
  }

  async function saveFolder() {
    const format = check();
    const top = await showDirectoryPicker({ mode: "readwrite" }).catch((error) => {
      if (error.name !== "AbortError") throw new Error(`The folder cannot be used (${error.message}): save a ZIP.`);
    });
    if (!top) return;
    for await (const [name, content] of files(format)) {
      const parts = name.split("/");
      let folder = top;
      for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
      const stream = await (await folder.getFileHandle(parts.at(-1), { create: true })).createWritable();
      await stream.write(content);
      await stream.close();
    }
    told(`in ${top.name}`);
  }

  $("teach-zip").onclick = () => saveZip().catch(fail);
  $("teach-directory").onclick = () => saveFolder().catch(fail);
  $("teach-directory").hidden = !("showDirectoryPicker" in window);
}
