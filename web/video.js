// A video from a file: play, pause, step, scrub, and a run over every frame that saves what was detected in each.

import { $, make } from "./dom.js";
import { download } from "./export.js";
import { report } from "./formats.js";
import { frameLength, seek } from "./frames.js";
import { annotated } from "./overlay.js";
import { counted, showStatus } from "./readout.js";
import { canRecord, record } from "./record.js";

const PART = 500; // lines of text that are held before they become a Blob

/**
 * Binds the controls. `refresh()` detects in the frame on show, `detect(element)` promises a result, `present(result)`
 * shows it, `work(task)` reports an error of a task, `settle()` follows all that changes.
 */
export function bindVideo({ refresh, detect, present, work, settle }) {
  let source = null;
  let at = 0; // when the frame on show begins
  let length = null; // of a frame, once it is known

  function show() {
    if (!source) return; // an event of a video that was closed
    const { element, running } = source;
    const digits = (time) => `${Math.floor(time / 60)}:${(time % 60).toFixed(1).padStart(4, "0")}`;
    $("video-play").textContent = element.paused ? "Play" : "Pause";
    $("video-time").value = element.currentTime;
    $("video-text").textContent = `${digits(element.currentTime)} of ${digits(element.duration)}`;
    $("video-run").textContent = running ? "Stop" : "Save every frame";
    for (const name of ["play", "back", "on", "time", "annotated"]) $(`video-${name}`).disabled = Boolean(running);
    settle();
  }

  function open(opened) {
    source = opened;
    [at, length] = [0, null];
    const { element } = source;
    Object.assign($("video-time"), { min: 0, max: element.duration, step: "any" });
    $("video").hidden = false;
    canRecord(element.videoWidth, element.videoHeight).then((can) => { $("video-record").hidden = !can; });
    element.ontimeupdate = element.onplay = show;
    element.onpause = element.onseeked = () => {
      if (source?.element !== element) return;
      if (!source.running) refresh();
      show();
    };
    show();
  }

  function close() {
    if (source?.running) source.running.stopped = true;
    source = null;
    $("video").hidden = true;
  }

  function toggle() {
    const { element, running } = source;
    if (running) return;
    if (element.paused) work(() => element.play());
    else element.pause();
  }

  async function go(time) {
    const { element } = source;
    element.pause();
    at = await seek(element, Math.max(0, Math.min(element.duration, time))) ?? element.currentTime;
  }

  // To the middle of a frame, whatever its exact length.
  async function step(frames) {
    const here = source.element.paused ? at : source.element.currentTime;
    source.element.pause();
    length ??= await frameLength(source.element);
    await go(here + (frames + 0.5) * length);
  }

  async function everyFrame() {
    const { element, name } = source;
    const mine = { stopped: false };
    source.running = mine;
    element.pause();
    show();
    const parts = []; // of the text
    let lines = [];
    let [frames, objects, last] = [0, 0, -1];
    const { videoWidth, videoHeight, duration } = element;
    const wanted = $("video-annotated").checked && !$("video-record").hidden;
    const recording = wanted ? record(videoWidth, videoHeight) : null;
    const [opened, canvas] = [source, make("canvas")];
    try {
      length ??= await frameLength(element);
      for (let time = 0; time < duration && !mine.stopped;) {
        const begins = await seek(element, Math.min(time + length / 2, duration)) ?? time;
        if (mine.stopped) break;
        const same = begins <= last; // it lasts longer, or the next one is not shown yet
        time = same ? time + length / 4 : begins + length;
        if (same) continue;
        last = begins;
        const result = await detect(element);
        if (mine.stopped) break;
        present(result);
        const { image, ...found } = report(name, null, result);
        lines.push(`${JSON.stringify({ image, frame: frames, time: begins, ...found })}\n`);
        if (lines.length === PART) parts.push(new Blob(lines.splice(0)));
        frames += 1;
        objects += result.detections.length;
        await recording?.add(annotated(element, result, canvas), begins);
      }
      if (source !== opened || !frames) return;
      const stem = name.replace(/\.[^.]*$/, "");
      download(new Blob([...parts, ...lines]), `${stem}.frames.jsonl`);
      if (recording) download(await recording.end(last + length), `${stem}.detections.webm`);
      showStatus(`Saved ${counted(frames, "frame")}, ${counted(objects, "object")}, as ${stem}.frames.jsonl.`);
    } finally {
      recording?.cancel();
      opened.running = null;
      if (source === opened) show();
    }
  }

  $("video-play").onclick = toggle;
  $("video-back").onclick = () => work(() => step(-1));
  $("video-on").onclick = () => work(() => step(1));
  $("video-time").oninput = ({ target }) => work(() => go(target.valueAsNumber));
  $("video-run").onclick = () => {
    if (!source.running) return work(everyFrame);
    source.running.stopped = true;
  };

  return {
    open,
    close,
    /** Does what a key means; false if it means nothing. */
    press(key) {
      const acts = {
        " ": toggle,
        ArrowLeft: () => work(() => step(-1)),
        ArrowRight: () => work(() => step(1)),
        Home: () => work(() => go(0)),
        End: () => work(() => go(source.element.duration)),
      };
      if (!source || source.running || !Object.hasOwn(acts, key)) return false;
      acts[key]();
      return true;
    },
  };
}
