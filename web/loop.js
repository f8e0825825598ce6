// When to run: the latest request wins, and none are queued.

/**
 * Wraps an async task: all requests during a run become one further run. The task gets a signal, which the next request
 * aborts.
 */
export function latest(task) {
  let running = null; // an AbortController
  let asked = false;
  return async function request() {
    asked = true;
    running?.abort();
    if (running) return;
    while (asked) {
      asked = false;
      running = new AbortController();
      await task(running.signal);
    }
    running = null;
  };
}

/** Runs `step` for new frames of a video, `most()` at once, until the returned function is called. */
export function follow(video, step, most) {
  let stopped = false;
  let inFlight = 0;
  const wait = () => video.requestVideoFrameCallback?.(frame) ?? requestAnimationFrame(frame);
  const frame = async () => {
    if (stopped) return;
    wait();
    if (document.hidden || video.readyState < 2 || inFlight >= most()) return;
    inFlight += 1;
    await step();
    inFlight -= 1;
  };
  wait();
  return () => { stopped = true; };
}
