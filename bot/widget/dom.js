/**
 * An element. Text only becomes text nodes, and no `style` or `on…` attribute is written, for strict policies.
 * @param {string} tag
 * @param {Record<string, any>} [props] functions become listeners, the rest attributes; false, null, undefined: none
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.setAttribute("type", "button");
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(.../** @type {Node[]} */ (children.filter(Boolean)));
  return element;
}

/** Where a finger points, focusing the text area would push up a keyboard. */
export const touch = () => matchMedia("(pointer: coarse)").matches;
