// The graph of a run's jobs: columns by need, an edge for each.
import { h, svgLink } from './dom.js';
import { icon, status, took, word, jobPath } from './format.js';

const width = 190;
const height = 46;
const gapX = 48;
const gapY = 14;

// gather makes nodes of jobs: all legs of a matrix are one.
export function gather(jobs) {
  const nodes = new Map();
  for (const j of jobs) {
    const n = nodes.get(j.node) || { id: j.node, needs: j.needs || [], legs: [], column: 0 };
    n.legs.push(j);
    nodes.set(j.node, n);
  }
  const depth = (n, path) => {
    if (n.depth === undefined) {
      n.depth = 0;
      const needs = n.needs.map((id) => nodes.get(id)).filter((m) => m && !path.has(m));
      for (const m of needs) n.depth = Math.max(n.depth, depth(m, new Set([...path, n])) + 1);
    }
    return n.depth;
  };
  for (const n of nodes.values()) n.column = depth(n, new Set());
  return [...nodes.values()];
}

// place puts each node in its column near what it needs, so that edges are short,
// and gives the number of rows.
function place(columns, byId) {
  let rows = 1;
  columns.forEach((c, x) => {
    for (const n of c) {
      const needs = n.needs.map((id) => byId.get(id)?.row ?? 0);
      n.wish = needs.length ? needs.reduce((a, b) => a + b, 0) / needs.length : -1;
    }
    let next = 0;
    for (const n of [...c].sort((a, b) => a.wish - b.wish)) {
      n.row = Math.max(next, Math.min(Math.floor(n.wish), next + 2));
      next = n.row + 1;
      n.x = x * (width + gapX) + 1;
      n.y = n.row * (height + gapY) + 1;
    }
    rows = Math.max(rows, next);
  });
  return rows;
}

function nodeStatus(n) {
  const all = n.legs.map(status);
  return ['failure', 'in_progress', 'waiting', 'queued', 'pending', 'cancelled', 'success', 'skipped'].find((s) => all.includes(s)) || 'queued';
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

export function graph(run) {
  const nodes = gather(run.jobs || []);
  const columns = [];
  for (const n of nodes) (columns[n.column] ||= []).push(n);
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const rows = place(columns, byId);
  const w = columns.length * (width + gapX) - gapX + 2;
  const hgt = rows * (height + gapY) - gapY + 2;
  const svg = h('svg', { width: w, height: hgt, viewBox: `0 0 ${w} ${hgt}`, role: 'group', 'aria-label': 'Graph of jobs' });
  for (const n of nodes) {
    for (const id of n.needs) {
      const m = byId.get(id);
      if (!m) continue;
      const [x1, y1, x2, y2] = [m.x + width, m.y + height / 2, n.x, n.y + height / 2];
      const bend = Math.min(gapX / 2, (x2 - x1) / 2);
      svg.append(h('path.edge', { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }));
    }
  }
  for (const n of nodes) svg.append(box(run, n));
  return h('div.graph', { tabindex: w > 700 ? 0 : null, role: 'region', 'aria-label': 'Graph of jobs' }, svg);
}

function box(run, n) {
  const s = nodeStatus(n);
  const one = n.legs.length === 1;
  const first = n.legs[0];
  const name = one ? first.name : n.id;
  const done = n.legs.filter((j) => j.state === 'completed').length;
  const small = one ? [word(s), took(first)].filter(Boolean).join(' · ') : `${done} of ${n.legs.length} jobs · ${word(s)}`;
  const sign = icon(s, true);
  for (const [k, v] of [['x', n.x + 10], ['y', n.y + 15], ['width', 16], ['height', 16]]) sign.setAttribute(k, v);
  const needs = n.needs.length ? `, needs ${n.needs.join(', ')}` : '';
  return svgLink({ href: one ? jobPath(run, first.id) : `#job-${n.id}`, 'aria-label': `${name}: ${word(s)}${needs}`, 'data-key': `node ${n.id}` },
    h('title', null, name), h('rect', { x: n.x, y: n.y, width, height, rx: 7 }), sign,
    h('text', { x: n.x + 34, y: n.y + 20 }, cut(name, 22)), h('text.small', { x: n.x + 34, y: n.y + 36 }, small));
}
