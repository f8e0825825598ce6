// The controls: thresholds and the class filter. It keeps `settings` in step with them; `onChange` hears of it.

import { colour } from "./overlay.js";

const NUMBERS = ["score", "iou", "max"];
const $ = (id) => document.getElementById(id);

/** Binds the controls to `settings`, where null means: as the weights say. Returns `{ applyInfo, options }`. */
export function bindPanel(settings, onChange) {
  let { labels, defaults } = { labels: [], defaults: {} };

  function showNumbers() {
    for (const name of NUMBERS) {
      const value = settings[name] ?? defaults[name];
      $(name).value = value;
      $(`${name}-out`).textContent = name === "max" ? value : value.toFixed(2);
    }
  }

  function showClasses() {
    $("classes").replaceChildren(...labels.map((label, index) => {
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: label });
      box.checked = settings.classes?.includes(label) ?? true;
      const chip = document.createElement("label");
      chip.style.setProperty("--class", colour(index + 1));
      chip.append(box, label);
      return chip;
    }));
  }

  function change(changes) {
    Object.assign(settings, changes);
    showNumbers();
    onChange();
  }

  for (const name of NUMBERS) $(name).addEventListener("input", ({ target }) => change({ [name]: target.valueAsNumber }));

  $("classes").addEventListener("change", () => {
    const chosen = [...$("classes").querySelectorAll(":checked")].map(({ value }) => value);
    change({ classes: chosen.length === labels.length ? null : chosen });
  });

  const presets = {
    "classes-all": { classes: null },
    "classes-none": { classes: [] },
    reset: { score: null, iou: null, max: null, classes: null },
  };
  for (const [id, preset] of Object.entries(presets)) {
    $(id).addEventListener("click", () => {
      change(preset);
      showClasses();
    });
  }

  return {
    /** Takes a detector's labels and defaults over. A filter that names none of its labels is dropped. */
    applyInfo(info) {
      ({ labels, defaults } = info);
      if (settings.classes?.length) {
        const known = settings.classes.filter((label) => labels.includes(label));
        settings.classes = known.length ? known : null;
      }
      showClasses();
      showNumbers();
      $("controls").disabled = false;
    },
    /** The options of the next `detect`. */
    options: () => ({ ...settings, maxDetections: settings.max }),
  };
}
