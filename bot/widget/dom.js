/**
 * Makes an element. Text only ever becomes a text node, and no `style` or `on…` attribute is written: it runs
 * without 'unsafe-inline' and under Trusted Types.
 * @param {string} tag
 * @param {Record<string, any>} [props] functions become listeners (`onclick`), the rest attributes; false, null and
 *   undefined are left out
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.setAttribute("type", "button");
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(.../** @type {Node[]} */ (children.filter(Boolean)));
  return element;
}

/** Where a finger points, focusing the text area would push up a keyboard. */
export const touch = () => matchMedia("(pointer: coarse)").matches;
