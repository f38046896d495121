// Services: where each stands, what became of it, and what two builds differ in.
import { h, fill, toast } from './dom.js';
import { get, query, me } from './api.js';
import { when, icon, seconds, bytes } from './format.js';
import * as keys from './keys.js';
import { navigate, title } from './main.js';

const signs = { built: 'success', retagged: 'success', unchanged: 'skipped', failed: 'failure', skipped: 'skipped', cancelled: 'cancelled' };
const words = { built: 'built', retagged: 're-tagged', unchanged: 'not affected', failed: 'failed', skipped: 'not built: what it is made from failed', cancelled: 'cancelled' };

const table = (label, heads, rows) => h('div.scroll', { tabindex: 0, role: 'region', 'aria-label': label }, h('table.plain.wide', null,
  h('tr', null, heads.map((x) => h('th', { scope: 'col' }, x))), rows));
const card = (name, ...content) => h('section.card', null, h('h2', null, name), content);
const short = (digest) => digest && h('button.bare.mono', { title: `Copy ${digest}`, 'aria-label': `Copy digest ${digest}`, onclick: () => copy(digest) }, digest.replace(/^sha256:/, '').slice(0, 12));
const servicePath = (repository, service) => `/services/${repository}/${encodeURIComponent(service)}`;
const jobPath = (b) => `/runs/${b.run}/attempts/${b.attempt}/jobs?id=${encodeURIComponent(b.job)}`;
const key = (b) => `${b.run}.${b.attempt}`;
const refName = (b) => (b.pullRequest ? `#${b.pullRequest}` : b.ref.replace(/^refs\/(heads|tags)\//, ''));
const outcome = (b) => h('span.nowrap', null, icon(signs[b.outcome] || 'neutral', true), ' ', words[b.outcome] || b.outcome);

// copy has no clipboard where the page came without TLS from another machine: there
// the text is shown.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${text}`);
  } catch {
    toast(text);
  }
}

function commit(repository, sha) {
  if (!sha) return null;
  const text = h('span.mono', { title: sha }, sha.slice(0, 7));
  return me.github ? h('a', { href: `${me.github}${repository}/commit/${sha}`, target: '_blank', rel: 'noreferrer' }, text) : text;
}

const tags = (b) => (b.tags || []).map((t) => [h('span.chip', null, t), ' ']);

export async function servicesView({ place, signal }) {
  const address = new URLSearchParams(location.search);
  const body = h('div');
  const find = h('input', { type: 'search', placeholder: 'Search services', 'aria-label': 'Search services', value: address.get('q') || '' });
  fill(place, h('div.view', null, h('div.bar', null, h('h1.grow', null, 'Services'), find), body));
  const { repositories } = await get('/api/v1/services', signal);
  const draw = () => {
    const q = find.value.trim().toLowerCase();
    const shown = repositories.map((r) => ({ ...r, services: r.services.filter((s) => !q || `${r.repository}/${s.service}`.toLowerCase().includes(q)) })).filter((r) => r.services.length);
    fill(body, shown.map((r) => card(r.repository, table(`Services of ${r.repository}`, ['Service', 'Last pipeline', 'Published', 'Digest', 'Commit', 'Tags', 'When'],
      r.services.map((s) => h('tr', null,
        h('td', null, h('a', { href: servicePath(r.repository, s.service), 'data-key': `service ${r.repository} ${s.service}` }, s.service)),
        h('td', null, h('a', { href: jobPath(s.last), title: s.last.error || s.last.reason }, outcome(s.last))),
        h('td', null, s.published ? h('span.mono', null, s.published.version) : h('span.quiet', null, 'never')),
        h('td', null, s.published && short(s.published.digest)), h('td', null, commit(r.repository, (s.published || s.last).commit)),
        h('td', null, s.published && tags(s.published)), h('td', null, when(s.last.time))))))),
    !shown.length && h('div.empty', null, repositories.length ? 'No service is called that.' : 'No service has been built here: a repository declares them in its drydock.yaml.'));
  };
  find.addEventListener('input', () => {
    history.replaceState(null, '', `/services${query({ q: find.value.trim() })}`);
    draw();
  });
  keys.use(keys.moveIn('td a[data-key]'));
  draw();
}

export async function serviceView({ place, signal, params }) {
  const repository = `${params[0]}/${params[1]}`;
  const service = params[2];
  title(service);
  const path = `/api/v1/repositories/${encodeURIComponent(params[0])}/${encodeURIComponent(params[1])}/services/${encodeURIComponent(service)}`;
  const { builds } = await get(path, signal);
  const address = new URLSearchParams(location.search);
  // By default the last two that were pushed and are not the same.
  const published = builds.filter((b) => b.published);
  const other = published.find((b) => b.digest !== published[0]?.digest);
  const chosen = { to: address.get('to') || (published[0] && key(published[0])) || key(builds[0]), from: address.get('from') || (other && key(other)) || '' };
  const differs = h('div');
  const radio = (side, b) => h('input', {
    type: 'radio', name: side, 'aria-label': `${side === 'from' ? 'Compare from' : 'Compare to'} run ${key(b)}`, checked: chosen[side] === key(b),
    onchange: () => { chosen[side] = key(b); history.replaceState(null, '', location.pathname + query(chosen)); compare(); },
  });
  const compare = async () => {
    if (!chosen.from || !chosen.to || chosen.from === chosen.to) {
      fill(differs, h('p.quiet.pad', null, 'Choose two builds to compare.'));
      return;
    }
    try {
      fill(differs, difference(repository, await get(`${path}/diff${query(chosen)}`, signal)));
    } catch (e) {
      if (!signal.aborted) fill(differs, h('div.note.bad', { role: 'alert' }, e.message));
    }
  };
  fill(place, h('div.view', null,
    h('div.bar', null, h('h1.grow', null, service), h('a', { href: `/services${query({ q: repository })}` }, repository)),
    h('p.quiet', null, h('span.mono', null, builds[0].image)),
    card('Builds', table('Builds', ['From', 'To', 'Pipeline', 'Why', 'Version', 'Digest', 'Commit', 'Of', 'Tags', 'Took', 'When'], builds.map((b) => h('tr', null,
      h('td', null, radio('from', b)), h('td', null, radio('to', b)),
      h('td', null, h('a', { href: jobPath(b), 'data-key': `build ${key(b)}` }, outcome(b))), h('td.why', null, b.error || b.reason),
      h('td', null, h('span.mono', null, b.version)), h('td', null, short(b.digest)), h('td', null, commit(repository, b.commit)), h('td', null, refName(b)),
      h('td', null, tags(b)), h('td.num', null, seconds(b.took / 1e9)), h('td', null, when(b.time)))))),
    card('Difference', differs)));
  keys.use(keys.moveIn('td a[data-key]'));
  await compare();
}

function difference(repository, d) {
  const side = (text) => (text?.startsWith('sha256:') ? short(text) : text || h('span.quiet', null, 'not there'));
  const changed = (name, c) => c && h('tr', null, h('td', null, name), h('td.mono', null, side(c.from)), h('td.mono', null, side(c.to)));
  const x = d.difference;
  const rows = [changed('digest', x.digest), changed('version', x.version), changed('image', x.image), changed('chart', x.chart),
    ...(x.bases || []).map((c) => changed(`base image ${c.name}`, c)), ...(x.args || []).map((c) => changed(`argument ${c.name}`, c)),
    ...(x.platforms || []).map((c) => changed(`platform ${c.name}`, { from: c.from && 'yes', to: c.to && 'yes' })),
    x.tags && changed('tags', { from: x.tags.map((c) => c.from).filter(Boolean).join(' '), to: x.tags.map((c) => c.to).filter(Boolean).join(' ') }),
    x.size ? changed('size', { from: bytes(d.from.size), to: bytes(d.to.size) }) : null].filter(Boolean);
  return [
    rows.length ? table('What differs', ['', `run ${key(d.from)}`, `run ${key(d.to)}`], rows) : h('p.quiet.pad', null, 'The images are the same.'),
    h('h3.pad', null, d.commits.length === 1 ? '1 commit' : `${d.commits.length} commits`),
    d.commits.length ? h('ul.commits', null, d.commits.map((c) => h('li', null, commit(repository, c.sha), ' ', c.subject))) : h('p.quiet.pad', null, 'None that is known here.'),
  ];
}

