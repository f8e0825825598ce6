// One tab at a time changes the pictures: it has the pen. The others follow what it does, and may ask for the pen.
//
// The pen is a Web Lock, so that a tab which is closed has given it back. Where there is none (an insecure page), each
// tab has a pen of its own.

/**
 * Makes it for an album in a store. `changed()` is called whenever this tab gets or gives the pen. Returns
 * `{ mine, enter, leave, take }`.
 */
export function makePen({ name, channel }, album, changed) {
  let wanted = false; // teaching is on show
  let mine = false;
  let give = () => {};
  let queued = false;

  // Promises whether this tab has the pen, once that is known.
  const request = (options) => new Promise((known) => {
    const hold = async (lock) => {
      if (!lock || !wanted) return known(false);
      await album.refresh();
      mine = true;
      known(true);
      await new Promise((resolve) => { give = resolve; });
    };
    const ask = async () => navigator.locks.request(name, options, hold);
    ask().catch(() => {
      mine = true; // there are no locks here
      known(true);
    });
  });

  async function follow() {
    changed();
    if (queued) return;
    queued = true;
    await request({});
    queued = false;
    changed();
  }

  // Not with a change that only this tab knows, since the storage is full.
  async function release(still) {
    if (!mine || !await album.settled() || !still()) return;
    mine = false;
    give();
  }

  channel.onmessage = async ({ data }) => {
    if (data === "changed" && wanted && !mine) await album.refresh();
    if (data !== "give" || !mine) return;
    await release(() => true);
    if (wanted && !mine) follow();
  };

  return {
    get mine() { return mine; },
    /** Gets the pen, or follows who has it. */
    async enter() {
      wanted = true;
      if (mine || await request({ ifAvailable: true })) return changed();
      await album.refresh();
      follow();
    },
    leave() {
      wanted = false;
      release(() => !wanted);
    },
    /** Asks the tab that has the pen for it. */
    take: () => channel.postMessage("give"),
  };
}
