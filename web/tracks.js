// Tracks in the page: objects of a video, camera or screen keep a number and a colour, leave a trail, are counted, and
// move between frames. The tracker is loaded when somebody turns it on.

import { $, make } from "./dom.js";
import { bindLine } from "./line.js";
import { drawOverlay } from "./overlay.js";
import { detectOptions, writeSettings } from "./settings.js";

/** Binds tracks to `settings`. `page` has the detector and the source on show; `draw()` asks for `paint`. */
export function bindTracks(settings, page, draw) {
  let tracker = null;
  let followed = null; // the source that it follows
  let last = 0; // the time of the last frame
  let counter = null;
  let moving = false;

  const line = bindLine(settings, () => {
    writeSettings(settings);
    counter = counter && (tracker.forget(counter), null);
    count();
    draw();
  }, draw);

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
    if (followed !== source || clock(source) < last) {
      end();
      [tracker, followed, last] = [new Tracker(), source, 0];
    }
    const [time, mine] = [clock(source), tracker];
    mine.set({ strong: strong() });
    const result = await ask({ ...options, score: mine.leastScore });
    if (tracker !== mine || !wanted(source)) {
      return { ...result, detections: result.detections.filter(({ score }) => score > strong()) };
    }
    last = time;
    result.detections = mine.update(result.detections, time);
    if (settings.line && !counter) counter = mine.countAt(line.points(result));
    if (!settings.line && counter) counter = mine.forget(counter) ?? null;
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
    if (!result || !moving || followed !== page.source) return result;
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
    /** Draws a result over the picture, and the line. */
    paint(result, highlight) {
      if (followed && followed !== page.source) end();
      const place = drawOverlay($("overlay"), $("view"), moved(result), page.source?.mirrored, highlight);
      line.show(place && settings.line && wanted(page.source) ? place : null);
    },
    /** Follows a change of the settings. */
    change() {
      if (tracker && !settings.track) end();
      else count();
      draw();
    },
  };
}
