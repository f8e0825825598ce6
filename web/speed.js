// Speed: the pace of a live source, and a plot of where the time of the last minutes went.

import { $ } from "./dom.js";
import { counted, milliseconds } from "./readout.js";

const STAGES = ["preprocess", "network", "postprocess", "readback"];
const COLUMNS = 120; // a second each
const HEIGHT = 40; // of the plot, in its own units; index.html knows both

/** Binds the plot. Returns `{ note, restart }`. */
export function bindSpeed() {
  let columns = []; // oldest first: the second, its pictures, and the sum of each stage's times
  let [frames, since, fps, drawn] = [0, performance.now(), null, -Infinity];

  function draw(second) {
    columns = columns.filter((column) => column.second > second - COLUMNS);
    const means = columns.map(({ pictures, sums }) => sums.map((sum) => sum / pictures));
    const totals = means.map((stages) => stages.reduce((sum, stage) => sum + stage));
    const highest = Math.max(...totals);
    const paths = STAGES.map(() => "");
    columns.forEach((column, index) => {
      const x = COLUMNS - 1 - (second - column.second);
      let y = HEIGHT;
      means[index].forEach((mean, stage) => {
        const height = mean / highest * HEIGHT || 0;
        y -= height;
        paths[stage] += `M${x} ${y.toFixed(2)}h1v${height.toFixed(2)}h-1z`;
      });
    });
    STAGES.forEach((stage, index) => $(`speed-${stage}`).setAttribute("d", paths[index]));
    const pictures = columns.reduce((sum, column) => sum + column.pictures, 0);
    const mean = (stage) => milliseconds(columns.reduce((sum, { sums }) => sum + sums[stage], 0) / pictures);
    $("speed-plot").ariaLabel = `On average ${STAGES.map((stage, index) => `${stage} ${mean(index)}`).join(", ")}`;
    $("speed-text").textContent =
      `The last two minutes: ${counted(pictures, "picture")}. The top is ${milliseconds(highest)}.`;
    $("speed").hidden = columns.length < 2;
  }

  return {
    /** Takes down a result's times. Returns the frames per second, or null, and whether they were counted just now. */
    note(timing, live) {
      const now = performance.now();
      const second = Math.floor(now / 1000);
      if (columns.at(-1)?.second !== second) columns.push({ second, pictures: 0, sums: STAGES.map(() => 0) });
      const column = columns.at(-1);
      column.pictures += 1;
      STAGES.forEach((stage, index) => { column.sums[index] += timing[stage]; });
      if (!live || now - drawn > 500) {
        drawn = now;
        draw(second);
      }
      frames += 1;
      const seconds = (now - since) / 1000;
      if (!live || seconds <= 1) return { fps, fresh: false };
      fps = frames / seconds;
      [frames, since] = [0, now];
      return { fps, fresh: true };
    },

    /** Another source: its pace is counted anew. */
    restart() {
      [frames, since, fps] = [0, performance.now(), null];
    },
  };
}
