// Undo and redo. A step is a list of changes `{ key, before, after }`; null is what does not exist.

const MOST = 500; // steps

export function makeHistory() {
  const done = [];
  const undone = [];
  const reverse = ({ key, before, after }) => ({ key, before: after, after: before });

  return {
    get canUndo() { return done.length > 0; },
    get canRedo() { return undone.length > 0; },

    /** Forgets all steps. */
    clear() {
      done.length = undone.length = 0;
    },

    /** Takes a step down. Steps with the same token, one after the other, are one. */
    push(changes, token = null) {
      undone.length = 0;
      const last = done.at(-1);
      if (!token || last?.token !== token) {
        done.push({ token, changes });
        if (done.length > MOST) done.shift();
        return;
      }
      for (const change of changes) {
        const known = last.changes.find(({ key }) => key === change.key);
        if (known) known.after = change.after;
        else last.changes.push(change);
      }
    },

    /** The changes that undo the last step, or null. */
    undo() {
      const step = done.pop();
      if (!step) return null;
      undone.push({ ...step, token: null });
      return step.changes.map(reverse).reverse();
    },

    /** The changes of the step that was undone last, or null. */
    redo() {
      const step = undone.pop();
      if (!step) return null;
      done.push(step);
      return step.changes;
    },
  };
}
