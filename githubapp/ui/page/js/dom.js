// Making elements. Every text goes in as text: there is no way here to turn a
// string into HTML but summary(), for what the server has sanitised.

const svgNames = new Set(['svg', 'path', 'rect', 'circle', 'g', 'text', 'title']);

// h('a.name', {href, onclick, 'aria-label'}, children...) makes an element.
export function h(spec, props, ...children) {
  const [tag, ...classes] = spec.split('.');
  const svg = svgNames.has(tag);
  const e = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  if (classes.length) e.setAttribute('class', classes.join(' '));
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else if (key === 'value') e.value = value;
    else if (key === 'class') e.setAttribute('class', [e.getAttribute('class'), value].filter(Boolean).join(' '));
    else e.setAttribute(key, value === true ? '' : String(value));
  }
  add(e, children);
  return e;
}

// What turns the direction of writing can make one name look like another.
const turning = /[\u202a-\u202e\u2066-\u2069]/g;

function add(e, children) {
  for (const c of children) {
    if (c === undefined || c === null || c === false || c === '') continue;
    if (Array.isArray(c)) add(e, c);
    else e.append(c.nodeType ? c : document.createTextNode(String(c).replace(turning, '')));
  }
}

// svgLink is an <a> inside a drawing.
export function svgLink(props, ...children) {
  const a = document.createElementNS('http://www.w3.org/2000/svg', 'a');
  for (const [key, value] of Object.entries(props)) a.setAttribute(key, value);
  a.append(...children);
  return a;
}

// fill replaces the children of a place; the focus stays where it was if what
// had it (by its data-key) is there again.
export function fill(place, ...children) {
  const key = place.contains(document.activeElement) && document.activeElement.closest('[data-key]')?.dataset.key;
  place.replaceChildren();
  add(place, children);
  if (key) [...place.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key)?.focus({ preventScroll: true });
}

const policy = globalThis.trustedTypes?.createPolicy('drydock', { createHTML: (s) => s });

// summary shows HTML that the server made and sanitised.
export function summary(html) {
  const e = h('div.summary');
  e.innerHTML = policy ? policy.createHTML(html) : html;
  for (const a of e.querySelectorAll('a')) a.rel = 'noopener noreferrer nofollow';
  return e;
}

let toastTimer;
export function toast(text) {
  const place = document.getElementById('toast');
  fill(place, h('div', null, text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.replaceChildren(), 6000);
}
