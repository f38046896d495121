// Showing a log: only the rows that can be seen are elements, however many there
// are. Rows have one height, so where each stands is arithmetic.
import { h } from './dom.js';
import { icon, seconds } from './format.js';
import { nodes, plain } from './ansi.js';

const rowHeight = 20;
const spare = 12; // rows beyond the edges
const mostRows = 800000; // browsers end a page's height at some 16 million pixels

export class LogView {
  constructor(model, { onLine, onScroll }) {
    this.model = model;
    this.onLine = onLine;
    this.rows = { steps: [], lines: [], length: 0 };
    this.shown = new Map(); // row -> element
    this.search = '';
    this.here = null; // the line that a link names
    this.found = null;
    this.follow = false;
    this.sheet = h('div.sheet');
    this.element = h('div.log', { tabindex: 0, role: 'region', 'aria-label': 'Log' }, this.sheet);
    this.element.addEventListener('scroll', () => {
      const e = this.element;
      const bottom = e.scrollTop + e.clientHeight >= e.scrollHeight - rowHeight;
      if (this.follow && !bottom && e.scrollTop < this.lastTop) this.follow = false;
      this.lastTop = e.scrollTop;
      onScroll?.(bottom);
      this.draw();
    }, { passive: true });
    this.sheet.addEventListener('click', (e) => this.click(e));
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(this.element);
  }

  close() {
    this.resize.disconnect();
  }

  // changed: the model is another; it is drawn with the next frame.
  changed() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.update();
    });
  }

  update() {
    this.rows = this.model.rows();
    this.cut = Math.max(this.rows.length - mostRows, 0);
    this.sheet.style.height = `${Math.min(this.rows.length, mostRows) * rowHeight}px`;
    this.clear();
    if (this.follow) this.toEnd();
    this.draw();
  }

  clear() {
    this.shown.clear();
    this.sheet.replaceChildren();
  }

  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.lastTop = this.element.scrollTop;
  }

  draw() {
    const e = this.element;
    const first = Math.max(Math.floor(e.scrollTop / rowHeight) - spare, 0);
    const end = Math.min(Math.ceil((e.scrollTop + e.clientHeight) / rowHeight) + spare, Math.min(this.rows.length, mostRows));
    for (const [i, row] of this.shown) {
      if ((i < first || i >= end) && !row.contains(document.activeElement)) {
        row.remove();
        this.shown.delete(i);
      }
    }
    const fresh = document.createDocumentFragment();
    for (let i = first; i < end; i++) {
      if (this.shown.has(i)) continue;
      const row = this.row(i);
      row.style.transform = `translateY(${i * rowHeight}px)`;
      this.shown.set(i, row);
      fresh.append(row);
    }
    this.sheet.append(fresh);
    if (end > first && !this.painted) {
      this.painted = true;
      requestAnimationFrame(() => performance.mark('log-painted'));
    }
  }

  row(i) {
    const s = this.rows.steps[i];
    const l = this.rows.lines[i];
    const open = this.model.isOpen(s);
    if (!l) {
      const state = s.state === 'completed' ? s.conclusion : s.state;
      return h('div.lrow.step', { 'data-row': i }, h('button', { 'aria-expanded': String(open), 'data-step': s.number },
        h('span', { 'aria-hidden': 'true' }, open ? '▾' : '▸'), icon(state), h('span.name.grow', null, s.name),
        s.reason && h('span.quiet', null, s.reason), h('span.num.quiet', null, s.state === 'completed' && state !== 'skipped' ? seconds(s.seconds) : '')));
    }
    const row = h('div.lrow', { 'data-row': i, class: [l.level, l.group && 'in', l === this.here && 'here', l === this.found && 'found'].filter(Boolean).join(' ') });
    const text = h('span.tx');
    if (l.level === 'group') text.append(l.folded ? '▸ ' : '▾ ');
    const prefix = { error: 'Error: ', warning: 'Warning: ', notice: 'Notice: ' }[l.level];
    if (prefix) text.append(prefix);
    text.append(...this.marked(l.text));
    row.append(h('a.ln', { href: `#step:${s.number}:${l.number}`, tabindex: -1, 'aria-label': `Line ${l.number}` }, l.number),
      h('span.ts', null, l.time.slice(0, 23).replace('T', ' ')), text);
    return row;
  }

  marked(text) {
    const wanted = this.search.toLowerCase();
    const clean = plain(text);
    if (!wanted || !clean.toLowerCase().includes(wanted)) return nodes(text);
    const out = [];
    const low = clean.toLowerCase();
    let from = 0;
    for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
      out.push(clean.slice(from, at), h('mark', null, clean.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    out.push(clean.slice(from));
    return out;
  }

  click(e) {
    const i = Number(e.target.closest('[data-row]')?.dataset.row);
    const s = this.rows.steps[i];
    if (!s) return;
    const l = this.rows.lines[i];
    if (!l) {
      s.open = !this.model.isOpen(s);
      this.keep(() => this.sheet.querySelector(`[data-step="${s.number}"]`)?.focus());
    } else if (e.target.closest('.ln')) {
      e.preventDefault();
      this.here = l;
      this.onLine?.(s, l);
      this.keep();
    } else if (l.level === 'group' && !String(getSelection())) {
      l.folded = !l.folded;
      l.touched = true;
      this.keep();
    }
  }

  // keep draws anew without moving what is read.
  keep(then) {
    const follow = this.follow;
    this.follow = false;
    this.update();
    this.follow = follow;
    then?.();
  }

  // show brings a line, or with none its step, into sight.
  show(s, l) {
    this.model.reveal(s, l);
    this.follow = false;
    this.update();
    const at = l ? this.rows.lines.indexOf(l) : this.rows.steps.indexOf(s);
    const e = this.element;
    if (l && at * rowHeight > e.scrollTop && (at + 1) * rowHeight < e.scrollTop + e.clientHeight) return;
    e.scrollTop = l ? at * rowHeight - e.clientHeight / 3 : at * rowHeight;
    this.draw();
  }

  topStep() {
    return this.rows.steps[Math.floor(this.element.scrollTop / rowHeight)];
  }
}
