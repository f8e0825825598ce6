// When to run: the latest request wins, never a queue. It knows nothing of what a run does.

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

/** Runs `step` for the newest frames of a video, `most()` at once, until the returned function is called. Rests while hidden. */
export function follow(video, step, most) {
  let stopped = false;
  let inFlight = 0;
  const wait = () => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(frame) : requestAnimationFrame(frame));
  const run = async () => {
    inFlight += 1;
    await Promise.resolve(step()).finally(() => (inFlight -= 1));
  };
  const frame = () => {
    if (stopped) return;
    if (!document.hidden && video.readyState >= 2 && inFlight < most()) run();
    wait();
  };
  wait();
  return () => {
    stopped = true;
  };
}
