// Single frames of a paused video. A browser says at which time a frame begins, but not how long it lasts.

const GUESS = 1 / 30; // seconds

// When the frame on show begins, or null where the browser does not say so.
function beginning(video) {
  if (!globalThis.VideoFrame || video.readyState < 2) return null;
  const frame = new VideoFrame(video);
  frame.close();
  return frame.timestamp / 1e6;
}

/** Shows the frame at `time`, in seconds, and promises when it begins, or null where the browser does not say so. */
export async function seek(video, time) {
  const before = beginning(video);
  const shown = new Promise((resolve) => { video.requestVideoFrameCallback?.(resolve); });
  const there = new Promise((resolve) => {
    for (const event of ["seeked", "emptied", "error"]) video.addEventListener(event, resolve, { once: true });
  });
  video.currentTime = time;
  await there;
  // It may have arrived without being shown yet, or be the same frame.
  if (beginning(video) === before) {
    await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, 1000))]);
  }
  return beginning(video);
}

/** The length of a frame: from the first to the one after it. */
export async function frameLength(video) {
  const first = await seek(video, 0);
  if (first === null) return GUESS;
  // Back from a later one to the frame before it, until that is the first.
  let next = await seek(video, Math.min(first + 3 * GUESS, video.duration));
  while (next > first) {
    const before = await seek(video, next - 1e-3);
    if (before === null || before >= next) return GUESS;
    if (before <= first) return next - first;
    next = before;
  }
  return GUESS;
}
