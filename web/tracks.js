// Tracks in the page: objects of a video, camera or screen keep a number and a colour, leave a trail, are counted, and
// move between frames. The tracker is loaded when somebody turns it on.

import { $, make } from "./dom.js";
import { bindGate } from "./gate.js";
import { drawOverlay } from "./overlay.js";
import { detectOptions, writeSettings } from "./settings.js";

/** Binds tracks to `settings`. `page` has the detector and the source on show; `draw()` asks for `paint`. */
export function bindTracks(settings, page, draw) {
  let tracker = null;
  let followed = null; // the source that it follows
  let detector = null; // whose classes they are
  let last = 0; // the time of the last frame
  let counter = null;
  let counted = settings.gate; // the gate that it counts at
  let moving = false;

  const gate = bindGate(settings, () => {
    if (settings.gate === counted) return;
    writeSettings(settings);
    forget();
    count();
  }, draw);

  // The next frame begins a new count, if there is a gate.
  function forget() {
    if (counter) tracker.forget(counter);
    [counter, counted] = [null, settings.gate];
  }

  const wanted = (source) => settings.track && source?.element.videoWidth;
  const clock = ({ file, element }) => (file ? element.currentTime : performance.now() / 1000);
  const strong = () => settings.score ?? page.detector.info.defaults.score;

  function end() {
    tracker?.dispose();
    [tracker, followed, counter] = [null, null, null];
    $("tracks").hidden = true;
  }

  // A detector asked for weak detections, too. One that begins or continues no track is left out.
  async function detect(source, ask) {
    const options = detectOptions(settings);
    if (!wanted(source)) return ask(options);
    const { Tracker } = await import("./tracker.js");
    await Tracker.load();
    if (followed !== source || detector !== page.detector || clock(source) < last) {
      end();
      [tracker, followed, detector, last] = [new Tracker(), source, page.detector, 0];
    }
    const [time, mine] = [clock(source), tracker];
    mine.set({ strong: strong() });
    const result = await ask({ ...options, score: mine.leastScore });
    if (tracker !== mine || !wanted(source)) {
      return { ...result, detections: result.detections.filter(({ score }) => score > strong()) };
    }
    last = time;
    result.detections = mine.update(result.detections, time);
    if (settings.gate && !counter) counter = mine.countAt(gate.points(result));
    count();
    if (!moving) move();
    return result;
  }

  // At the screen's rate, while the source moves.
  function move() {
    moving = Boolean(tracker && followed === page.source && wanted(followed) && followed.live && between());
    if (!moving) return;
    draw();
    requestAnimationFrame(move);
  }

  const between = () => settings.between !== 0;

  function count() {
    if (!tracker) return;
    const passed = new Map(counter ? tracker.passed(counter).map((row) => [row.classIndex, row]) : []);
    $("tracks").hidden = false;
    $("tracks-passed").hidden = !counter;
    $("tracks-counts").replaceChildren(...tracker.counts().map(({ label, classIndex, now, total }) => {
      const { forward = 0, back = 0 } = passed.get(classIndex) ?? {};
      const cells = [label, now, total, ...(counter ? [`↦ ${forward}  ↤ ${back}`] : [])];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, String(cell))));
    }));
  }

  // The result with the boxes where they should be by now.
  function moved(result) {
    if (!result || !moving || !tracker || followed !== page.source) return result;
    const now = new Map(tracker.at(clock(followed)).map(({ track, smooth }) => [track, smooth]));
    const placed = (found) => ({ ...found, smooth: now.get(found.track) ?? found.smooth });
    return { ...result, detections: result.detections.map(placed) };
  }

  return {
    /**
     * Promises a result for the frame that `source` shows now: that of `ask(options)`, and if tracks are on, with a
     * track for each detection.
     */
    detect,
    /** The same for an element of the source on show. */
    over: (ask) => (element) => detect(page.source, (options) => ask(element, options)),
    /** Draws a result over the picture, and the gate. */
    paint(result, highlight) {
      if (followed && followed !== page.source) end();
      const place = drawOverlay($("overlay"), $("view"), moved(result), page.source?.mirrored, highlight);
      gate.show(place && settings.gate && wanted(page.source) ? place : null);
    },
    /** Follows a change of the settings. */
    change() {
      if (tracker && !settings.track) end();
      if (settings.gate !== counted) forget();
      count();
      draw();
    },
  };
}
