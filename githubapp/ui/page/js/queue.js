// What waits, and who works.
import { h, fill } from './dom.js';
import { get } from './api.js';
import { when, age } from './format.js';

export async function queueView({ place, signal }) {
  const body = h('div');
  fill(place, h('div.view', null, h('div.bar', null, h('h1.grow', null, 'Queue')), body));
  const look = async () => {
    const q = await get('/api/v1/queue', signal);
    const busy = q.items.filter((i) => i.worker);
    const waiting = q.items.filter((i) => !i.worker);
    const workers = new Map();
    for (const i of busy) workers.set(i.worker, [...(workers.get(i.worker) || []), i]);
    fill(body,
      card('Executors', workers.size && table(['Worker', 'Jobs'], [...workers].map(([w, items]) => [w, items.map((i) => h('div', null, job(i), h('span.quiet', null, ` since ${age(i.enqueued)}`, i.tries > 1 ? ` · try ${i.tries}` : '', i.cancel ? ` · being cancelled: ${i.cancel}` : '')))])), 'Nobody works now.'),
      card('Backlog', q.backlogs.length && table(['Labels', 'Jobs', 'Oldest'], q.backlogs.map((b) => [labels(b.labels), b.waiting, when(b.oldest)])), 'Nothing waits.'),
      waiting.length > 0 && card(`Waiting (${waiting.length})`, table(['Job', 'Repository', 'Labels', 'Priority', 'Since'], waiting.map((i) => [job(i), i.repository || '', labels(i.labels), i.priority, when(i.enqueued)]))));
  };
  await look();
  const timer = setInterval(() => !document.hidden && look().catch(() => {}), 3000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

const job = (i) => h('a', { href: `/runs/${i.run}/attempts/${i.attempt}/jobs?id=${encodeURIComponent(i.job)}`, 'data-key': `item ${i.run} ${i.job}` }, `${i.run} ${i.job}`);
const labels = (all) => (all || []).map((l) => [h('span.chip', null, l), ' ']);
const card = (name, content, empty) => h('section.card', null, h('h2', null, name), content || h('div.body.quiet', null, empty));
const table = (heads, rows) => h('div.scroll', null, h('table.plain', null, h('tr', null, heads.map((x) => h('th', null, x))), rows.map((r) => h('tr', null, r.map((c) => h('td', null, c))))));
