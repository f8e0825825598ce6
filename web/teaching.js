// The door to teaching: its scripts (teach/) are fetched when it is opened for the first time.

import { $ } from "./dom.js";

/** Binds the button. `host` is what teaching uses of the page; teach/mode.js lists it. Returns `{ before }`. */
export function bindTeaching(host) {
  let opening = null;
  let mode = null;
  const load = async () => {
    const { bindMode } = await import("./teach/mode.js");
    // What lies beside this script is named here: who collects the page's scripts looks for it below a script's folder.
    const [lab, standalone] = [() => import("./teach.js"), () => import("./standalone.js")];
    mode = await bindMode({ ...host, lab, standalone });
  };
  const toggle = () => {
    opening ??= load();
    opening.then(() => mode.toggle()).catch((error) => {
      opening = null; // the next click tries again
      host.fail(error);
    });
  };
  $("teach-open").onclick = toggle;
  return {
    /** The page's acts: while teaching is open, files and addresses are its own. */
    before: (acts) => ({
      ...acts,
      teach: toggle,
      openFiles: (files) => (mode?.shown ? mode.take(files) : acts.openFiles(files)),
      openAddress: (url) => (mode?.shown ? mode.takeAddress(url) : acts.openAddress(url)),
    }),
  };
}
