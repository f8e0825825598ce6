// The panel of settings, by the rows of settings.js: it keeps controls and settings in step.

import { $ } from "./dom.js";
import { SETTINGS, writeSettings } from "./settings.js";

/**
 * Binds the controls to `settings`. `onChange` follows each change of what is detected, `onLook` of how it is drawn,
 * which stands in the document's `data-boxes`. Returns `{ applyInfo }`.
 */
export function bindPanel(settings, onChange, onLook) {
  let defaults = {};

  function show() {
    for (const row of SETTINGS) row.show($(row.name), settings[row.name] ?? defaults[row.option] ?? row.usual);
    document.documentElement.dataset.boxes = $("boxes").value;
  }

  function change(changes) {
    Object.assign(settings, changes);
    show();
    writeSettings(settings);
    (Object.keys(changes).join() === "boxes" ? onLook : onChange)();
  }

  for (const { name, read } of SETTINGS) $(name).oninput = () => change({ [name]: read($(name)) });
  const presets = {
    "classes-all": { classes: null },
    "classes-none": { classes: [] },
    reset: Object.fromEntries(SETTINGS.map(({ name }) => [name, null])),
  };
  for (const [id, preset] of Object.entries(presets)) $(id).onclick = () => change(preset);

  return {
    /** Takes over a detector's labels and defaults. A class filter with none of the labels is dropped. */
    applyInfo(info) {
      defaults = info.defaults;
      const known = settings.classes?.filter((label) => info.labels.includes(label));
      if (settings.classes?.length) settings.classes = known.length ? known : null;
      for (const { name, prepare } of SETTINGS) prepare($(name), info.labels);
      show();
      $("controls").disabled = false;
    },
  };
}
