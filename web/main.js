// The page's start and wiring: sources and settings in, detections out.
//
// For scripts and tests: `document.documentElement.dataset.state` is `loading` (no detector yet), `running`, `ready` or
// `error`; `window.lastResult` is the Result on show (detector.d.ts) or null.

import { showModel } from "./card.js";
import { Detector } from "./detector.js";
import { $ } from "./dom.js";
import { bindSave } from "./export.js";
import { report } from "./formats.js";
import { bindInputs } from "./inputs.js";
import { follow, latest } from "./loop.js";
import { bindModels } from "./models.js";
import { annotatedPng } from "./overlay.js";
import { bindPanel } from "./panel.js";
import {
  counted, milliseconds, showCameras, showDetections, showError, showProgress, showStatus, showTimes, showWindows,
  watchList,
} from "./readout.js";
import { fitting, listSamples } from "./samples.js";
import { bindSeveral } from "./several.js";
import { bindSeeing } from "./seeing.js";
import { detectOptions, readSettings } from "./settings.js";
import { cameras, openBlob, openCamera, openScreen, openUrl } from "./source.js";
import { bindSpeed } from "./speed.js";
import { bindTeaching } from "./teaching.js";
import { bindTracks } from "./tracks.js";
import { bindVideo } from "./video.js";

const settings = readSettings();
const { backend, engine, precision } = settings;
const page = { detector: null, model: null, source: null, sample: "", stop: null, highlight: null, lost: 0 };
const samples = listSamples().catch(() => []);
const count = { busy: 0, loads: 0, opens: 0 };

const live = () => page.source?.live || "";
const draw = () => tracks.paint(window.lastResult, page.highlight);
const refresh = latest(detect);
const speed = bindSpeed();
const seeing = bindSeeing(page, live, () => detectOptions(settings), fail);
// A GPU computes one frame while another is read.
const inFlight = () => (page.detector?.info.backend === "webgpu" ? 2 : 1);

// An action of the user ends the last error.
function forget() {
  Object.assign(page, { lost: 0, unopened: false });
  if (page.detector) showError("");
}

function settle() {
  const working = count.busy || live() ? "running" : "ready";
  document.documentElement.dataset.state = $("error").textContent ? "error" : page.detector ? working : "loading";
  for (const name of ["camera", "screen"]) $(name).ariaPressed = live() === name;
  $("mirror").hidden = live() !== "camera";
  $("mirror").ariaPressed = Boolean(page.source?.mirrored);
  $("camera-device").hidden = live() !== "camera" || $("camera-device").length < 2;
  $("save-open").disabled = !window.lastResult && !detected().length;
  seeing.settle();
}

function fail(error) {
  showError(error.message);
  showStatus("");
  settle();
}

async function work(task) {
  count.busy += 1;
  settle();
  await task().catch(fail);
  count.busy -= 1;
  settle();
}

function load(model) {
  const turn = ++count.loads;
  $("model").value = model.name;
  if (!page.unopened) showError("");
  if (model.entry) offer(model.entry.labels);
  return work(async () => {
    try {
      const weights = await (model.weights.call ? model.weights() : model.weights);
      const { labels, sha256 } = model;
      const chosen = { backend, engine, precision, onProgress: watchLoading };
      const detector = await Detector.load({ weights, labels, sha256, ...chosen });
      if (turn !== count.loads) return detector.dispose();
      page.detector?.dispose();
      Object.assign(page, { detector, model });
      panel.applyInfo(detector.info);
      change();
      showModel(detector.info, model, engine);
      if (!page.unopened) showError("");
      await offer(detector.info.labels);
      refresh();
      await models.show();
    } catch (error) {
      await offer(page.detector?.info.labels ?? []);
      throw await models.refused(model, error);
    } finally {
      showProgress(null);
    }
  });
}

// A detector loads again when its device was lost, perhaps on another one.
function watchLoading(progress) {
  const ready = progress.stage === "ready";
  showProgress(ready ? null : progress);
  if (ready && page.detector) showModel(page.detector.info, page.model, engine);
}

function detect(signal) {
  const { detector, source } = page;
  return detector && source && work(async () => {
    try {
      const more = { signal, onProgress: signal && showWindows };
      const result = await tracks.detect(source, (options) => detector.detect(source.element, { ...options, ...more }));
      if (source === page.source && detector === page.detector) present(result);
    } catch (error) {
      const foreign = error.name === "SourceInvalid" && source !== page.source;
      if (signal?.aborted || detector !== page.detector || foreign) return;
      // It heals. Frames that were in flight are made again; more than those is an error.
      page.lost += error.name === "DeviceLost";
      if (error.name === "DeviceLost" && page.lost <= inFlight()) return refresh();
      page.stop?.();
      throw error;
    }
  });
}

function present(result) {
  window.lastResult = result;
  page.lost = 0;
  const { item, name, decodeMs } = page.source;
  if (item) strip.note(item, { report: report(name, decodeMs, result) });
  const objects = strip.place(item) + counted(result.detections.length, "object");
  const { fps, fresh } = speed.note(result.timing, live());
  // Not at every frame: screen readers read it aloud.
  if (!live()) showStatus(`${objects} in ${milliseconds(result.timing.total)}`);
  else if (fresh) showStatus(`${objects}, ${fps.toFixed(1)} frames per second`);
  showDetections(result.detections);
  showTimes(result, fps);
  draw();
}

// For runs over many pictures. The detector heals, and may be another one by then; a second loss is an error.
async function ask(element, options = detectOptions(settings)) {
  const { detector } = page;
  const detect = () => page.detector.detect(element, options);
  return detect().catch((error) => {
    if (error.name === "DeviceLost" || detector !== page.detector) return detect();
    throw error;
  });
}

// Shows the samples that suit a model with these labels. The first is opened in place of one that is not among them,
// and at the start.
async function offer(labels) {
  const offered = fitting(await samples, labels);
  showSamples(offered);
  const foreign = page.sample && offered.every(({ file }) => file !== page.sample);
  const first = settings.source === "sample" && !count.opens;
  if ((foreign || first) && offered.length) await openSample(offered[0].file);
}

const openSample = (file) => open(() => openUrl(`./samples/${file}`), file);

function open(opener, sample = "") {
  const turn = ++count.opens;
  forget();
  return work(async () => {
    const source = await opener().catch((error) => {
      page.unopened = turn === count.opens; // a model that loads meanwhile does not end this error
      if (page.unopened) throw error;
    });
    if (turn === count.opens) show(source, sample);
    else source?.close();
  });
}

function show(source, sample) {
  const { element, mirrored } = source;
  closeSource();
  if (!source.item) strip.close();
  Object.assign(page, { source, sample });
  const fit = () => $("view").style.setProperty("--ratio", element.naturalWidth
    ? element.naturalWidth / element.naturalHeight : element.videoWidth / element.videoHeight);
  fit();
  element.addEventListener("resize", fit); // a phone was turned
  mirror(mirrored);
  $("view").prepend(element);
  $("empty").hidden = true;
  if (element.videoWidth) page.stop = follow(element, () => live() && !source.running && detect(), inFlight);
  if (element.videoWidth && source.file) video.open(source);
  if (!live()) refresh();
}

function mirror(mirrored) {
  page.source.mirrored = mirrored;
  page.source.element.classList.toggle("mirrored", mirrored);
  draw();
  settle();
}

function closeSource() {
  page.stop?.();
  video.close();
  page.source?.close();
  page.source?.element.remove();
  Object.assign(page, { source: null, sample: "", stop: null, highlight: null });
  speed.restart();
  window.lastResult = null;
  showDetections([]);
  draw();
}

// The last frame of a live source stays as a still picture.
function freeze() {
  const { element, name, mirrored } = page.source;
  const still = annotatedPng(element, { width: element.videoWidth, height: element.videoHeight, detections: [] });
  closeSource();
  return open(async () => ({ ...await openBlob(await still, `${name}.png`), mirrored }));
}

async function startCamera(deviceId) {
  if (live()) closeSource(); // some devices open one camera at a time
  await open(() => openCamera(deviceId, freeze));
  if (live() !== "camera") return;
  showCameras(await cameras(), page.source?.deviceId);
  settle();
}

// A sample is opened as soon as a model's labels are known.
async function startSource() {
  if (settings.source === "camera") return startCamera();
  if (settings.source === "screen") return showStatus("Press Screen to choose what to capture.");
  if (settings.source !== "sample") return open(() => openUrl(settings.source));
}

const { strip, openFiles, detected, change } = bindSeveral({
  open, work, clear: closeSource,
  lanes: () => page.detector && inFlight(),
  detect: ask,
  changed: settle,
});

const tracks = bindTracks(settings, page, draw);
const video = bindVideo({ refresh, detect: tracks.over(ask), present, work, settle });

const save = bindSave({
  source: () => page.source,
  all: detected,
  labels: () => page.detector.info.labels,
  read: ({ file, name }) => openBlob(file, name),
  say: showStatus,
  fail,
});

const panel = bindPanel(settings, () => {
  tracks.change();
  change();
  forget();
  if (!live()) refresh();
}, draw);

const models = bindModels(page, load, (text) => {
  forget();
  showStatus(text);
  settle();
});

const teaching = bindTeaching({ page, models, ask, freeze, fail, forget });
const { showSamples } = bindInputs(teaching.before({
  openFiles,
  openAddress: (url) => open(() => openUrl(url)),
  openSample,
  loadWeights: models.take,
  model: models.select,
  camera: () => (live() === "camera" ? freeze() : startCamera()),
  "camera-device": startCamera,
  mirror: () => mirror(!page.source.mirrored),
  screen: () => (live() === "screen" ? freeze() : open(() => openScreen(freeze))),
  savePng: save.png,
  seeing: seeing.toggle,
  closeStrip: () => {
    if (page.source?.item) page.source.item = null;
    strip.close();
  },
  press: (key) => strip.press(key) || video.press(key),
}));

watchList((index) => {
  page.highlight = index;
  draw();
});
new ResizeObserver(draw).observe($("view"));
addEventListener("resize", draw);
addEventListener("error", ({ error }) => error && fail(error));
addEventListener("unhandledrejection", ({ reason }) => fail(reason));
models.start(settings.weights).catch((error) => [fail(error), offer([])]);
startSource().catch(fail);
