// Keyboard shortcuts: a view says which keys it has, and ? shows them all.
import { h, fill } from './dom.js';

const always = [
  ['?', 'Show this help', () => help()],
  ['g r', 'Go to the runs'], ['g d', 'Go to deliveries'], ['g q', 'Go to the queue'], ['g n', 'Dispatch a workflow'], ['g s', 'Go to services'],
  ['/', 'Search', () => focusSearch()],
];
let own = [];
let before = '';
let goTo = () => {};

function focusSearch() {
  const s = document.querySelector('main input[type="search"]');
  s?.focus();
  s?.select();
}

// use sets the keys of the view that is shown: [key, what it does, function].
export function use(keys) {
  own = keys;
}

export function start(navigate) {
  goTo = (key) => {
    const path = { r: '/', d: '/deliveries', q: '/queue', n: '/dispatch', s: '/services' }[key];
    if (path) navigate(path);
  };
  document.addEventListener('keydown', onKey);
}

function onKey(e) {
  const typing = e.target.closest?.('input, textarea, select');
  if (e.key === 'Escape' && typing) typing.blur();
  if (e.ctrlKey || e.metaKey || e.altKey || typing || document.querySelector('dialog[open]')) return;
  if (before === 'g') {
    before = '';
    goTo(e.key);
    return;
  }
  before = e.key === 'g' ? 'g' : '';
  const found = [...own, ...always].find(([key, , run]) => key === e.key && run);
  if (!found) return;
  e.preventDefault();
  found[2]();
}

function help() {
  const dialog = document.getElementById('help');
  const rows = [...always, ...own].flatMap(([key, what]) => [h('dt', null, key.split(' ').map((k) => [h('kbd', null, k), ' '])), h('dd', null, what)]);
  fill(dialog, h('div.bar', null, h('h2.grow', null, 'Keyboard shortcuts'), h('button', { onclick: () => dialog.close() }, 'Close')), h('dl', null, rows));
  dialog.showModal();
}

// moveIn makes j and k go through the links of a list.
export function moveIn(selector) {
  const move = (by) => () => {
    const all = [...document.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))]?.focus();
  };
  return [['j', 'Next in the list', move(1)], ['k', 'Previous in the list', move(-1)]];
}
