// When to run: one run in flight, the latest request wins, never a queue. It knows nothing of what a run does.

/** Wraps an async task: requests during a run are remembered as one, which runs after it. */
export function latest(task) {
  let running = false;
  let asked = false;
  return async function request() {
    asked = true;
    if (running) return;
    running = true;
    while (asked) {
      asked = false;
      await task();
    }
    running = false;
  };
}

/** Runs `step` for the newest frame of a video until the returned function is called. Rests while the page is hidden. */
export function follow(video, step) {
  let stopped = false;
  const wait = () => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(frame) : requestAnimationFrame(frame));
  const frame = async () => {
    if (stopped) return;
    if (!document.hidden && video.readyState >= 2) await step();
    wait();
  };
  wait();
  return () => {
    stopped = true;
  };
}
