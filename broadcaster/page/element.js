// element.js: nodes made of text, never of markup: what a caller says can be nothing but text here.

/** element('p', { class: 'x' }, 'text', node, null): null and '' are left out. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== ''));
  return node;
}

/** Touches the page only if something changes: a selection, a screen reader and the layout stay where they are. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Puts `node` before `next` (null: last), if it is not there already. */
export function place(parent, node, next) {
  if (node.parentNode !== parent || node.nextSibling !== next) parent.insertBefore(node, next);
}
