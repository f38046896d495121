// Words, times and signs.
import { h } from './dom.js';

export function status(x) {
  return x.state === 'completed' ? x.conclusion || 'neutral' : x.state;
}

const words = {
  success: 'passed', failure: 'failed', cancelled: 'cancelled', skipped: 'skipped', neutral: 'ended',
  in_progress: 'running', queued: 'queued', waiting: 'waiting', pending: 'pending',
  warning: 'warning', notice: 'notice',
};
export const word = (s) => words[s] || s;

const shapes = {
  success: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.4 5.4-4 4.2a.8.8 0 0 1-1.15 0L4.6 8.9l1.1-1.1 1.1 1.15 3.5-3.65z'],
  failure: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm2.9 8.8-1.1 1.1L8 9.1l-1.8 1.8-1.1-1.1L6.900 8 5.100 6.200l1.100-1.100L8 6.900l1.800-1.800 1.100 1.100L9.100 8z'],
  cancelled: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.500a5.500 5.500 0 0 1 4.300 8.900L4.600 3.700A5.470 5.470 0 0 1 8 2.500ZM3.700 4.600l7.700 7.700A5.500 5.500 0 0 1 3.700 4.600Z'],
  skipped: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11ZM5 7.250h6v1.500H5z'],
  waiting: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11Zm-.750 2h1.500v3.200l2.200 2.200-1.050 1.050-2.650-2.600z'],
  warning: ['M8 1.2a1 1 0 0 1 .87.5l6.4 11.300a1 1 0 0 1-.87 1.500H1.600a1 1 0 0 1-.87-1.500l6.400-11.300A1 1 0 0 1 8 1.200ZM7.250 5.500v4h1.500v-4Zm0 5.250v1.500h1.500v-1.500Z'],
  notice: ['M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM7.250 4.250h1.500v1.500h-1.500Zm0 3h1.500v4.500h-1.500Z'],
  queued: ['M8 4.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7Z'],
};

// icon is the sign of a status; with words for those who do not see it.
export function icon(s, hidden) {
  const label = hidden ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': word(s) };
  const e = h('svg.icon', { viewBox: '0 0 16 16', class: s, ...label });
  if (s === 'in_progress') {
    e.append(h('path', { d: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2', fill: 'none', stroke: 'currentColor', 'stroke-width': 2, opacity: 0.28 }));
    e.append(h('path.spin', { d: 'M8 2a6 6 0 0 1 6 6', fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round' }));
    return e;
  }
  for (const d of shapes[s] || shapes.queued) e.append(h('path', { d, fill: 'currentColor', 'fill-rule': 'evenodd' }));
  return e;
}

export function seconds(n) {
  if (!Number.isFinite(n) || n < 0) return '';
  if (n < 10) return `${n.toFixed(1)}s`;
  if (n < 60) return `${Math.round(n)}s`;
  const m = Math.floor(Math.round(n) / 60);
  const pad = (x) => String(x).padStart(2, '0');
  return m < 60 ? `${m}m ${pad(Math.round(n) % 60)}s` : `${Math.floor(m / 60)}h ${pad(m % 60)}m`;
}

// took is how long something took, or takes by now.
export function took(x) {
  if (!x.started || x.started.startsWith('0001')) return '';
  const end = x.finished && !x.finished.startsWith('0001') ? new Date(x.finished) : x.state === 'completed' ? null : new Date();
  return end ? seconds((end - new Date(x.started)) / 1000) : '';
}

export function age(time) {
  if (!time) return '';
  const s = (Date.now() - new Date(time)) / 1000;
  if (s < 45) return 'now';
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  if (s < 100 * 86400) return `${Math.round(s / 86400)} days`;
  return new Date(time).toISOString().slice(0, 10);
}

export const when = (time) => (time ? h('time', { datetime: time, title: new Date(time).toLocaleString() }, age(time)) : '');

export function bytes(n) {
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (n < 1000 || unit === 'GB') return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return '';
}

export const shortRef = (ref) => (ref || '').replace(/^refs\/(heads|tags|pull)\//, '');
export const branch = (r) => r.headRef || shortRef(r.ref);
export const runPath = (id, attempt) => `/runs/${id}${attempt ? `/attempts/${attempt}` : ''}`;
export const jobPath = (run, job) => `/runs/${run.id}/attempts/${run.attempt}/jobs?id=${encodeURIComponent(job)}`;
