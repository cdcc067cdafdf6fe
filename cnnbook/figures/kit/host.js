// host.js: a page without a kernel; and, last of all, what the kit offers to a figure.

/**
 * @typedef {{ get(name: string): any, set(name: string, value: any): void, save_changes(): void,
 *   on(event: string, listener: () => void): void,
 *   off(event: string, listener: () => void): void }} Model what a notebook gives, and we give here
 */

/** @param {Record<string, any>} state @returns {Model} */
function staticModel(state) {
  const values = { ...state };
  const listeners = {};
  return {
    get: (name) => values[name],
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      [...(listeners[`change:${name}`] || [])].forEach((listener) => listener());
    },
    on(event, listener) { (listeners[event] ||= []).push(listener); },
    off(event, listener) {
      listeners[event] = (listeners[event] || []).filter((other) => other !== listener);
    },
    save_changes() {},
  };
}

/** @type {Record<string, { render(place: { model: Model, el: HTMLElement }): () => void }>} */
const figures = {};

// Wake up every figure of the page: picture and state out, live figure in. `same` names the figure
// above that has the same value of a trait (page.py, share).
function hydrate() {
  const islands = 'script[type="application/vnd.cnnbook.figure+json"]';
  const states = [];
  for (const island of document.querySelectorAll(islands)) {
    const { fig, state, same = {} } = JSON.parse(island.textContent);
    Object.entries(same).forEach(([name, place]) => { state[name] = states[place][name]; });
    states.push(state);
    if (!figures[fig]) continue;
    const place = /** @type {HTMLElement & { cnnbookModel: Model }} */ (island.parentElement);
    place.cnnbookModel = staticModel(state);
    figures[fig].render({ model: place.cnnbookModel, el: place });
  }
  Object.assign(globalThis, { cnnbookFigures: figures });
}

const kit = {
  ARROWS, bracketed, button, cells, children, clamp, clock, colour, counted, css, derived, digits,
  diverging, earlier, element, figure, figures, follow, format, grey, hydrate, inside, keys,
  largest, lay, live, mix, paint, parse, percent, player, select, slices, slider, svg, tableOf,
  tick, toRows, toTable, under, walk, write,
};
