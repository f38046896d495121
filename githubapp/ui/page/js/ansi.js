// Colours of terminals: SGR sequences become elements, all others vanish.
import { h } from './dom.js';

// eslint-disable-next-line no-control-regex
const sequence = /\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_]|$)/g;

const palette = (n) => {
  if (n >= 232) return `rgb(${Array(3).fill(8 + (n - 232) * 10).join(',')})`;
  n -= 16;
  const part = (x) => (x ? 55 + x * 40 : 0);
  return `rgb(${part(Math.floor(n / 36))},${part(Math.floor(n / 6) % 6)},${part(n % 6)})`;
};

function apply(style, text) {
  const codes = text === '' ? [0] : text.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i];
    if (c === 0) style.clear();
    else if (c === 22) { style.delete('a1'); style.delete('a2'); }
    else if (c > 22 && c < 30) style.delete(`a${c - 20}`);
    else if ((c >= 1 && c <= 4) || c === 9) style.set(`a${c}`, true);
    else if (c >= 30 && c <= 37) style.set('f', c - 30);
    else if (c >= 90 && c <= 97) style.set('f', c - 82);
    else if (c >= 40 && c <= 47) style.set('b', c - 40);
    else if (c >= 100 && c <= 107) style.set('b', c - 100);
    else if (c === 39) style.delete('f');
    else if (c === 49) style.delete('b');
    else if (c === 38 || c === 48) {
      const key = c === 38 ? 'f' : 'b';
      if (codes[i + 1] === 5) {
        const n = codes[i + 2] & 255;
        style.set(key, n < 16 ? (key === 'b' ? n % 8 : n) : palette(n));
        i += 2;
      } else if (codes[i + 1] === 2) {
        style.set(key, `rgb(${codes.slice(i + 2, i + 5).map((x) => x & 255).join(',')})`);
        i += 4;
      }
    }
  }
}

function element(style, text) {
  if (!style.size) return document.createTextNode(text);
  const e = h('span');
  for (const [key, value] of style) {
    if (key.startsWith('a')) e.classList.add(key);
    else if (typeof value === 'number') e.classList.add(key + value);
    else e.style.setProperty(key === 'f' ? 'color' : 'background-color', value);
  }
  e.append(text);
  return e;
}

export const plain = (text) => (text.includes('\x1b') ? text.replace(sequence, '') : text);

// nodes are the parts of a line.
export function nodes(text) {
  if (!text.includes('\x1b')) return [document.createTextNode(text)];
  const out = [];
  const style = new Map();
  let from = 0;
  for (const m of text.matchAll(sequence)) {
    if (m.index > from) out.push(element(style, text.slice(from, m.index)));
    if (m[2] === 'm') apply(style, m[1]);
    from = m.index + m[0].length;
  }
  if (from < text.length) out.push(element(style, text.slice(from)));
  return out;
}
