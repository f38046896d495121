// Webhooks and what became of them: why a workflow ran, or did not.
import { h, fill } from './dom.js';
import { get, query } from './api.js';
import { when, runPath, icon } from './format.js';
import * as keys from './keys.js';
import { navigate, title } from './main.js';

const signs = { planned: 'success', ignored: 'skipped', failed: 'failure', pending: 'queued' };

export async function deliveriesView({ place, signal }) {
  const address = new URLSearchParams(location.search);
  const now = { fate: address.get('fate') || '', event: address.get('event') || '' };
  const list = h('ul.rows', { 'aria-label': 'Deliveries' });
  const more = h('div.more');
  let before = '';
  const load = async () => {
    const page = await get(`/api/v1/deliveries${query({ ...now, before, limit: 50 })}`, signal);
    list.append(...page.deliveries.map((d) => h('li', null, h('a.row', { href: `/deliveries/${encodeURIComponent(d.id)}` }, icon(signs[d.fate] || 'queued'),
      h('span.title', null, d.event), h('span.chip', null, d.fate), h('span.num.took', null, d.attempts > 1 ? `${d.attempts} tries` : ''), h('span.num.age', null, when(d.received)),
      h('span.meta', null, d.reason || d.id)))));
    before = page.next || '';
    list.classList.toggle('hidden', !list.children.length);
    fill(more, before ? h('button', { onclick: load }, 'Show older deliveries') : !list.children.length && h('div.empty', null, 'No delivery is like that.'));
  };
  const apply = () => navigate(`/deliveries${query(now)}`, true);
  fill(place, h('div.view', null, h('div.bar.filters', null, h('h1.grow', null, 'Deliveries'),
    h('select', { 'aria-label': 'Fate', onchange: (e) => { now.fate = e.target.value; apply(); } }, ['', 'pending', 'planned', 'ignored', 'failed'].map((f) => h('option', { value: f, selected: f === now.fate }, f || 'any fate'))),
    h('input.short', { type: 'search', placeholder: 'Event', 'aria-label': 'Event', value: now.event, onchange: (e) => { now.event = e.target.value.trim(); apply(); } })), list, more));
  keys.use(keys.moveIn('.rows .row'));
  await load();
}

export async function deliveryView({ place, signal, params }) {
  const d = await get(`/api/v1/deliveries/${encodeURIComponent(params[0])}`, signal);
  title(`Delivery ${d.event}`);
  let payload = d.payload;
  try { payload = JSON.stringify(JSON.parse(d.payload), null, 2); } catch { /* shown as it came */ }
  fill(place, h('div.view', null,
    h('div.head', null, icon(signs[d.fate] || 'queued'), h('div.grow', null, h('h1', null, `${d.event}: ${d.fate}`),
      h('div.facts', null, h('span.mono', null, d.id), h('span', null, when(d.received)), h('span', null, d.attempts === 1 ? 'tried once' : `tried ${d.attempts} times`), h('a', { href: `/${query({ delivery: d.id })}` }, 'its runs')), d.reason && h('div', null, d.reason))),
    h('section.card', null, h('h2', null, 'Workflows'), d.why?.length ? h('div.scroll', null, h('table.plain', null,
      h('tr', null, h('th', null, 'Workflow'), h('th', null, 'Event'), h('th', null, 'Run'), h('th', null, 'Why')),
      d.why.map((w) => h('tr', null, h('td', null, w.workflow), h('td', null, w.event), h('td', null, w.run ? h('a', { href: runPath(w.run) }, `run ${w.run}`) : 'did not run'), h('td', null, (w.reasons || []).map((r) => h('div', null, r)))))))
      : h('div.body.quiet', null, 'No workflow was looked at.')),
    payload && h('section.card', null, h('h2', null, 'Payload'), h('pre.payload', { tabindex: 0, role: 'region', 'aria-label': 'Payload' }, payload))));
}
