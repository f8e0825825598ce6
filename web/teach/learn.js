// Learning: one button, then a bar, the loss, a stop and what comes out.

import { $ } from "../dom.js";
import { download } from "../export.js";
import { counted } from "../readout.js";
import { advise, ENOUGH_TO_MEASURE } from "./advice.js";
import { isLabelled } from "./album.js";
import { makeCurve } from "./curve.js";
import { showMeasure } from "./measure.js";
import { makePreview } from "./preview.js";

const VIEWS = 8; // in a step
const HELD_OUT = 0.2; // of the labelled pictures, at most 50

/** Binds the panel. `host` is the page, see mode.js; `camera()` is the one that is live. Returns `{ mark, show }`. */
export function bindLearning(album, { host, suggestions, camera, fail, forget }) {
  const { page } = host;
  const curve = makeCurve($("teach-curve"));
  const preview = makePreview(suggestions, { camera, wanted: () => shown });
  let run = null; // `{ teaching, state, samples, heldOut, … }` while there is one
  let taught = null; // what came out last: `{ name, file, base, labels, model }`; the last is the page's
  let shown = false;

  // A model that was taught here starts anew from what it was taught from: its labels have changed since.
  async function start() {
    if (taught && page.model === taught.model) return taught.base;
    return { file: await page.detector.file(), name: page.model.name };
  }

  // The held-out pictures come last. Which they are does not change with every picture that is added.
  function samples() {
    const labelled = album.pictures.filter(isLabelled);
    const measured = $("teach-hold").checked && labelled.length >= ENOUGH_TO_MEASURE;
    const heldOut = measured ? Math.min(50, Math.round(labelled.length * HELD_OUT)) : 0;
    const rank = ({ id }) => (Math.imul(id % 4294967296, 2654435761) >>> 0);
    const order = [...labelled].sort((a, b) => rank(b) - rank(a));
    // A class that is in few pictures is learned rather than measured.
    const spare = new Map();
    for (const { boxes } of order) {
      for (const label of new Set(boxes.map((box) => box.label))) spare.set(label, (spare.get(label) ?? 0) + 1);
    }
    const last = [];
    for (const picture of order) {
      const labels = [...new Set(picture.boxes.map((box) => box.label))];
      if (last.length === heldOut || labels.some((label) => spare.get(label) < 4)) continue;
      for (const label of labels) spare.set(label, spare.get(label) - 1);
      last.push(picture);
    }
    const held = new Set(last);
    return { list: [...order.filter((picture) => !held.has(picture)), ...last], heldOut: last.length };
  }

  async function learn() {
    forget();
    const steps = $("teach-steps").valueAsNumber;
    const keepClasses = $("teach-add").checked;
    const { list, heldOut } = samples();
    const mine = { state: "learning", list, heldOut, steps, since: performance.now(), at: 0, labels: new Set() };
    for (const { boxes } of list) for (const { label } of boxes) mine.labels.add(label);
    run = mine;
    curve.clear(steps);
    $("teach-outcome").hidden = true;
    show();
    try {
      mine.base = await start();
      const { Teaching } = await host.lab();
      if (run !== mine) return;
      const sources = list.map(({ id, boxes }) => ({ source: () => album.file(id), boxes }));
      const onProgress = (progress) => run === mine && follow(mine, progress);
      mine.teaching = new Teaching(mine.base.file, sources, { keepClasses, steps, seed: 1, heldOut, onProgress });
      const blob = await mine.teaching.done;
      if (run === mine) await finish(mine, blob);
    } catch (error) {
      if (run !== mine) return;
      end();
      if (error.name !== "AbortError") throw error;
    }
  }

  function follow(mine, { stage, done, total, loss }) {
    const now = performance.now();
    if (mine.stage !== stage) {
      Object.assign(mine, { stage, since: now, from: done });
      if (stage === "learn") preview.start(mine.teaching);
    }
    if (stage === "learn" && Number.isFinite(loss)) curve.add(loss);
    const rate = (done - mine.from) / Math.max(1e-3, (now - mine.since) / 1000);
    Object.assign(mine, { done, total, rate: stage === "learn" ? rate * VIEWS : rate });
    mine.drawing ||= requestAnimationFrame(() => {
      mine.drawing = 0;
      if (run === mine) show();
    });
  }

  async function finish(mine, blob) {
    const { teaching, list, heldOut } = mine;
    mine.state = "measuring";
    show();
    const measure = heldOut ? await teaching.measure() : null;
    if (run !== mine) return;
    const stem = [...mine.labels].join("+").replace(/[^\p{L}\p{N}+ _-]/gu, "").slice(0, 40);
    const name = `${stem || "taught"}.safetensors`;
    const file = new File([blob], name, { type: "application/octet-stream" });
    await host.models.take(file);
    end();
    if (page.model?.weights !== file) return; // the page says why
    taught = { name, file, base: mine.base, labels: page.detector.info.labels, model: page.model };
    showMeasure(album, measure, list.slice(list.length - heldOut));
    $("teach-outcome").hidden = false;
    mark(shown, "done");
    suggestions.look();
    showStart();
  }

  // As it is now, though not all steps are done.
  async function useNow() {
    const mine = run;
    mine.state = "measuring";
    show();
    try {
      const blob = await mine.teaching.snapshot();
      if (run === mine) await finish(mine, blob);
    } catch (error) {
      if (run !== mine) return; // the lesson has ended, and said why
      mine.state = "paused";
      show();
      throw error;
    }
  }

  function end() {
    run?.teaching?.cancel();
    run = null;
    preview.end();
    show();
  }

  function pause() {
    if (!run?.teaching) return run && end(); // nothing has been learned yet
    const paused = run.state === "paused";
    if (paused) run.teaching.resume();
    else run.teaching.pause();
    Object.assign(run, { state: paused ? "learning" : "paused", since: performance.now(), from: run.done ?? 0 });
    show();
  }

  function mark(now, state = run ? (run.state === "paused" ? "paused" : "learning") : "ready") {
    shown = now;
    if (shown) document.documentElement.dataset.teach = state;
    else delete document.documentElement.dataset.teach;
  }

  function showStart() {
    const base = taught && page.model === taught.model ? taught.base.name : page.model?.name;
    $("teach-start").textContent = base ? `The new model starts from ${base}.` : "";
  }

  function stageText({ state, stage, done, total, rate, heldOut }) {
    if (state === "measuring") return heldOut ? "Measuring with the held-out pictures" : "Finishing";
    if (!stage) return "Starting";
    const speed = rate && state === "learning" ? `, ${rate.toFixed(rate < 10 ? 1 : 0)} pictures a second` : "";
    const word = state === "paused" ? "Stopped: " : "";
    if (stage === "features") return `${word}Looking at the pictures, ${done} of ${total}${speed}`;
    return `${word}Step ${done} of ${total}${curve.last === null ? "" : `, loss ${curve.last.toFixed(3)}`}${speed}`;
  }

  function show() {
    const [busy, paused] = [Boolean(run), run?.state === "paused"];
    // A run is shown at every step, and what it learns from stays.
    const { ready, sentences } = busy ? { ready: true, sentences: [] } : advise(album);
    const { list, heldOut } = run ?? samples();
    $("teach-advice").replaceChildren(...sentences.map((text) => Object.assign(document.createElement("li"),
      { textContent: text })));
    $("teach-advice").hidden = busy || !sentences.length;
    $("teach-learn").hidden = busy;
    $("teach-learn").disabled = !ready || !page.detector;
    $("teach-learn").textContent = ready ? `Learn from ${counted(list.length, "picture")}` : "Learn";
    $("teach-stop").hidden = !busy;
    $("teach-stop").textContent = paused ? "Go on" : "Stop";
    $("teach-stop").disabled = run?.state === "measuring";
    $("teach-asis").hidden = !(paused && run.stage === "learn");
    $("teach-drop").hidden = !paused;
    $("teach-mode").disabled = $("teach-steps").disabled = busy;
    $("teach-progress").hidden = !busy;
    const enough = album.pictures.filter(isLabelled).length >= ENOUGH_TO_MEASURE;
    $("teach-hold").disabled = busy || !enough;
    $("teach-hold-text").textContent = heldOut ? `Hold ${counted(heldOut, "picture")} back to measure with`
      : `Hold some pictures back to measure with (from ${ENOUGH_TO_MEASURE} on)`;
    showStart();
    if (busy) {
      $("teach-stage").textContent = stageText(run);
      if (run.total) Object.assign($("teach-bar"), { max: run.total, value: run.done });
      else $("teach-bar").removeAttribute("value");
      curve.draw();
    }
    if (shown) mark(true, $("teach-outcome").hidden || busy ? undefined : "done");
  }

  const click = (id, act) => { $(id).onclick = () => Promise.resolve(act()).catch(fail); };
  click("teach-learn", learn);
  click("teach-stop", pause);
  click("teach-asis", useNow);
  click("teach-drop", end);
  click("teach-download", () => download(taught.file, taught.name));
  click("teach-page", async () => {
    const { standalonePage } = await host.standalone();
    const [name] = taught.name.split(".safetensors");
    download(await standalonePage(taught.file, { name, labels: taught.labels }), `${name}.html`);
  });
  click("teach-keep", async () => {
    // If another model has come into use since, this one is loaded again first.
    if (page.model !== taught.model) {
      await host.models.take(taught.file);
      if (page.model?.weights !== taught.file) return; // the page says why
      taught.model = page.model;
    }
    await host.models.keep();
    $("teach-keep").disabled = true;
  });
  $("teach-steps").oninput = ({ target }) => { $("teach-steps-text").textContent = target.value; };
  $("teach-hold").onchange = show;
  album.watch(() => { if (!run) show(); });

  return { mark, show };
}
