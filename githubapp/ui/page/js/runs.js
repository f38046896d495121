// The list of runs, with filters that live in the address.
import { h, fill } from './dom.js';
import { get, query, stream, me } from './api.js';
import { status, icon, took, when, branch, runPath, word } from './format.js';
import * as keys from './keys.js';
import { fail } from './main.js';

const states = ['', 'state:in_progress', 'state:queued', 'state:waiting', 'state:pending', 'conclusion:success', 'conclusion:failure', 'conclusion:cancelled', 'conclusion:skipped'];
const names = ['q', 'repository', 'workflow', 'event', 'branch', 'actor', 'state', 'conclusion'];

export async function runsView({ place, signal }) {
  const address = new URLSearchParams(location.search);
  const now = Object.fromEntries(names.map((n) => [n, address.get(n) || '']));
  const list = h('ul.rows', { 'aria-label': 'Runs' });
  const more = h('div.more');
  const runs = new Map();
  let next = 0;

  const draw = () => {
    const all = [...runs.values()].sort((a, b) => b.id - a.id);
    fill(list, all.map(row));
    list.classList.toggle('hidden', !all.length);
    fill(more, next ? h('button', { onclick: load }, 'Show older runs') : !all.length && h('div.empty', null, names.some((n) => now[n]) ? 'No run is like that.' : 'No run yet: push something, or dispatch a workflow.'));
  };
  const load = async () => {
    const page = await get(`/api/v1/runs${query({ ...now, before: next, limit: 50 })}`, signal);
    for (const r of page.runs) runs.set(r.id, r);
    next = page.next || 0;
    draw();
  };
  const apply = async () => {
    history.replaceState(null, '', `/${query(now)}`);
    runs.clear();
    next = 0;
    await load();
  };
  fill(place, h('div.view', null, h('h1.hidden', null, 'Runs'), filters(now, () => apply().catch((e) => fail(place, e))), list, more));
  keys.use(keys.moveIn('.rows .row'));
  await load();

  const ticker = setInterval(draw, 30000);
  signal.addEventListener('abort', () => clearInterval(ticker));
  stream('/api/v1/watch', {
    signal,
    onData: (data) => {
      const r = JSON.parse(data);
      if (!runs.has(r.id) && !matches(r, now)) return;
      if (!runs.has(r.id) && runs.size && r.id < Math.min(...runs.keys())) return;
      runs.set(r.id, r);
      draw();
    },
  }).catch(() => {});
}

function matches(r, f) {
  const has = (x, y) => !y || (x || '').toLowerCase() === y.toLowerCase();
  return !f.q && has(r.repository, f.repository) && (has(r.workflow, f.workflow) || has(r.name, f.workflow)) && has(r.event, f.event) &&
    has(branch(r), f.branch) && has(r.actor, f.actor) && has(r.state, f.state) && has(r.conclusion, f.conclusion);
}

function filters(now, apply) {
  let timer;
  const later = (name) => (e) => {
    now[name] = e.target.value.trim();
    clearTimeout(timer);
    timer = setTimeout(apply, 250);
  };
  const state = now.state ? `state:${now.state}` : now.conclusion ? `conclusion:${now.conclusion}` : '';
  const pick = h('select', {
    'aria-label': 'Status',
    onchange: (e) => {
      const [kind, value] = e.target.value.split(':');
      Object.assign(now, { state: kind === 'state' ? value : '', conclusion: kind === 'conclusion' ? value : '' });
      apply();
    },
  }, states.map((s) => h('option', { value: s, selected: s === state }, s ? word(s.split(':')[1]) : 'any status')));
  const field = (name, label) => h('input.short', { 'aria-label': label, placeholder: label, value: now[name], oninput: later(name) });
  return h('form.bar.filters', { role: 'search', onsubmit: (e) => { e.preventDefault(); apply(); } },
    h('input', { type: 'search', placeholder: 'Search titles and names', 'aria-label': 'Search', value: now.q, oninput: later('q') }),
    pick, h('button.narrow', { type: 'button', onclick: (e) => e.target.form.classList.toggle('all') }, 'Filters'), field('repository', 'Repository'), field('workflow', 'Workflow'), field('branch', 'Branch'), field('event', 'Event'), field('actor', 'Person'),
    me.can.includes('dispatch') && h('a.button', { href: '/dispatch' }, 'Dispatch'));
}

function row(r) {
  const s = status(r);
  return h('li', null, h('a.row', { href: runPath(r.id), 'data-key': `run ${r.id}` },
    icon(s), h('span.title', null, r.title || r.name), branch(r) && h('span.chip', { title: branch(r) }, branch(r)),
    h('span.num.took', null, took(r)), h('span.num.age', null, when(r.created)),
    h('span.meta', null, `${r.repository} · ${r.name} #${r.number} · ${r.event}${r.actor ? ` by ${r.actor}` : ''}${r.attempt > 1 ? ` · attempt ${r.attempt}` : ''}${r.reason ? ` · ${r.reason}` : ''}`)));
}
