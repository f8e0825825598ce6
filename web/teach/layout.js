// The elements of teaching. They stand in the page's two columns, whose other contents are hidden meanwhile.

import { $, make } from "../dom.js";

const PICTURES = `
  <p id="teach-elsewhere" role="status" hidden>
    Your pictures are open in another tab. What changes there shows up here.
    <button type="button" id="teach-here">Change them here</button>
  </p>
  <div id="teach-view">
    <p id="teach-none">
      Add some pictures of your objects: open or drop files, a folder or a data set, or use the camera.
    </p>
    <div id="teach-frame" hidden>
      <img id="teach-picture" alt="" draggable="false" />
      <div id="teach-boxes" role="group" aria-label="Boxes"></div>
      <div id="teach-handles" hidden></div>
    </div>
    <video id="teach-camera" aria-label="Camera" muted playsinline hidden></video>
    <canvas id="teach-seen" aria-hidden="true"></canvas>
    <button type="button" id="teach-snap" class="primary" hidden>Take a picture</button>
  </div>

  <div id="teach-classes" class="labelling">
    <input type="text" id="teach-name" list="teach-names" placeholder="Name of the object"
      aria-label="Name of the object" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="60"
      enterkeyhint="done" />
    <datalist id="teach-names"></datalist>
    <div id="teach-chips" role="group" aria-label="Classes"></div>
  </div>

  <div class="teach-tools labelling" role="toolbar" aria-label="Boxes">
    <button type="button" id="teach-new">New box</button>
    <button type="button" id="teach-delete">Delete</button>
    <button type="button" id="teach-undo" aria-label="Undo">↶</button>
    <button type="button" id="teach-redo" aria-label="Redo">↷</button>
    <button type="button" id="teach-copy">Copy to next</button>
    <button type="button" id="teach-empty" aria-pressed="false">Nothing here</button>
    <button type="button" id="teach-accept" hidden></button>
    <label><input type="checkbox" id="teach-suggest" checked /> Suggest</label>
  </div>

  <p id="teach-status" role="status" aria-live="polite"></p>
  <div id="teach-shelf" role="listbox" aria-orientation="horizontal" aria-label="Your pictures" tabindex="0" hidden>
    <div role="presentation"></div>
  </div>

  <div class="teach-tools">
    <span class="pick">
      <input type="file" id="teach-file" multiple aria-label="Add pictures or a data set"
        accept="image/*,.zip,.json,.xml,.txt,.yaml,.yml,.names" />
      <label for="teach-file" class="button primary">Add pictures</label>
    </span>
    <span class="pick">
      <input type="file" id="teach-folder" webkitdirectory aria-label="Add a folder of pictures or a data set" />
      <label for="teach-folder" class="button">Folder</label>
    </span>
    <button type="button" id="teach-live" aria-pressed="false">Camera</button>
    <button type="button" id="teach-shown">From the page</button>
    <button type="button" id="teach-link">Link</button>
    <button type="button" id="teach-remove" class="labelling" aria-label="Remove this picture">Remove</button>
    <button type="button" id="teach-close">Done</button>
  </div>
  <form id="teach-address" hidden>
    <input type="text" inputmode="url" aria-label="Address of a picture" placeholder="https://…" />
    <button>Add</button>
  </form>`;

const SIDE = `
  <section>
    <h2>Teach</h2>
    <p id="teach-start" class="soft"></p>
    <ul id="teach-advice"></ul>
    <div class="teach-tools">
      <span class="pick">
        <input type="file" id="teach-others" multiple accept="image/*" aria-label="Add pictures without your objects" />
        <label for="teach-others" class="button">Add pictures without your objects</label>
      </span>
      <button type="button" id="teach-scenes"
        title="The page’s pictures of everyday things: remove those that show yours">Add drawn scenes</button>
    </div>
    <fieldset id="teach-mode">
      <legend class="hidden">What the new model knows</legend>
      <label><input type="radio" name="teach-keeps" id="teach-only" checked /> Only mine</label>
      <label><input type="radio" name="teach-keeps" id="teach-add" /> Add to what it knows</label>
    </fieldset>
    <div class="teach-tools">
      <button type="button" id="teach-learn" class="primary">Learn</button>
      <button type="button" id="teach-stop" hidden>Stop</button>
      <button type="button" id="teach-asis" hidden>Use it as it is</button>
      <button type="button" id="teach-drop" hidden>Discard</button>
    </div>
    <div id="teach-progress" hidden>
      <p id="teach-stage"></p>
      <progress id="teach-bar" aria-labelledby="teach-stage"></progress>
      <div id="teach-curve"></div>
      <p class="soft">
        What it finds by now is drawn on the camera’s picture while the camera is open, else on the picture on show,
        white and dashed.
      </p>
    </div>
    <div id="teach-outcome" hidden>
      <p id="teach-measure"></p>
      <ol id="teach-worst" aria-label="Worst pictures first"></ol>
      <div class="teach-tools">
        <button type="button" id="teach-keep">Keep for next time</button>
        <button type="button" id="teach-download">Download</button>
        <button type="button" id="teach-page">Save as a page</button>
      </div>
    </div>
    <details>
      <summary>More</summary>
      <div class="row">
        <label for="teach-steps">Steps</label>
        <input type="range" id="teach-steps" min="50" max="1000" step="50" value="200" />
        <span class="number" id="teach-steps-text">200</span>
      </div>
      <label><input type="checkbox" id="teach-hold" checked /> <span id="teach-hold-text"></span></label>
    </details>
  </section>

  <section>
    <h2>Classes</h2>
    <ul id="teach-list"></ul>
    <p id="teach-classless" class="soft">Draw a box around an object and name it.</p>
  </section>

  <section>
    <h2>Data set</h2>
    <p class="soft">
      Your pictures and labels stay in this browser. Open a data set with “Add pictures” or “Folder”, or drop it; save
      one to go on elsewhere, or to train on a GPU.
    </p>
    <div class="row">
      <label for="teach-format">Format</label>
      <select id="teach-format">
        <option value="yolo">YOLO</option><option value="voc">Pascal VOC</option><option value="coco">COCO</option>
      </select>
    </div>
    <div class="teach-tools">
      <button type="button" id="teach-zip">Save ZIP</button>
      <button type="button" id="teach-directory">Save into a folder</button>
      <button type="button" id="teach-clear">Remove all</button>
    </div>
  </section>

  <section>
    <h2>What it can do</h2>
    <ul class="teach-words">
      <li>It learns a few distinct objects in scenes like yours: your mug, a part, a plant. Five pictures are a start,
        ten to twenty are good; show each object from all sides, near and far.</li>
      <li>Pictures <em>without</em> the objects help most against false alarms: the empty scene, and anything else.</li>
      <li>It misses what is smaller than about a twelfth of the picture’s side (25 of the 300 pixels that it sees).</li>
      <li>Look-alikes are mixed up, and hundreds of classes are too many: train those on a GPU, with the data set from
        here.</li>
      <li>Label more where it errs: where it finds nothing, and where it finds what is not there.</li>
    </ul>
  </section>

  <section id="teach-keys">
    <h2>Keys</h2>
    <dl class="keys">
      <dt><kbd>n</kbd></dt><dd>new box in the middle</dd>
      <dt><kbd>Tab</kbd></dt><dd>next box; <kbd>Esc</kbd> none</dd>
      <dt><kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd></dt>
      <dd>move the box, with <kbd>Shift</kbd> its lower right corner, with <kbd>Ctrl</kbd> by one pixel; without a box
        other pictures</dd>
      <dt><kbd>Enter</kbd></dt><dd>name the box; of a suggestion: accept and rename</dd>
      <dt><kbd>1</kbd> … <kbd>9</kbd></dt><dd>give it that class</dd>
      <dt><kbd>a</kbd></dt><dd>accept the suggestion, or all</dd>
      <dt><kbd>c</kbd></dt><dd>copy the boxes to the next picture</dd>
      <dt><kbd>e</kbd></dt><dd>nothing here</dd>
      <dt><kbd>Del</kbd></dt><dd>delete the box or suggestion</dd>
      <dt><kbd>Ctrl</kbd> <kbd>Z</kbd></dt><dd>undo, with <kbd>Shift</kbd> redo</dd>
      <dt><kbd>Space</kbd></dt><dd>take a picture with the camera</dd>
      <dt><kbd>t</kbd></dt><dd>done</dd>
    </dl>
  </section>`;

/** Puts the elements into the page, hidden, once their styles are there. */
export async function layOut() {
  // A sheet of this kind needs no permission of the page's policy, which differs in the page in one file.
  const style = new CSSStyleSheet();
  await style.replace(await (await fetch(new URL("./teach.css", import.meta.url))).text());
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, style];
  const pictures = make("section", { id: "teach", hidden: true, ariaLabel: "Your pictures", innerHTML: PICTURES });
  $("hero").append(pictures);
  const side = make("aside", { id: "teach-side", hidden: true, ariaLabel: "Teach", innerHTML: SIDE });
  document.querySelector("main").append(side);
  $("teach-folder").parentElement.hidden = !("webkitdirectory" in $("teach-folder")); // not on every phone
  return { pictures, side };
}
