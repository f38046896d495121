// One job: its log, live.
import { h, fill, toast } from './dom.js';
import { get, stream } from './api.js';
import { status, icon, seconds, took, jobPath, runPath } from './format.js';
import { LogModel } from './logmodel.js';
import { LogView } from './logview.js';
import * as keys from './keys.js';
import { fail, title } from './main.js';

const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* nobody remembers */ } };
const recall = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

export function jobView({ place, signal, params }) {
  const [id, attempt] = params;
  const job = new URLSearchParams(location.search).get('id') || '';
  const base = `/api/v1/runs/${id}/attempts/${attempt}`;
  const model = new LogModel();
  const log = `${base}/log?job=${encodeURIComponent(job)}`;
  const parts = { head: h('div'), side: h('nav.side', { 'aria-label': 'Jobs and steps' }), tail: h('div.tail', { role: 'status' }) };
  let wanted = parseHash();
  let hits = [];
  let hit = -1;
  let run;

  const view = new LogView(model, {
    onLine: (s, l) => history.replaceState(null, '', `#step:${s.number}:${l.number}`),
    onScroll: (bottom) => {
      if (bottom && !model.finished && !view.follow) setFollow(true);
      else if (!view.follow) press(followButton, false);
      drawSide();
    },
  });
  signal.addEventListener('abort', () => view.close());

  const press = (button, on) => button.setAttribute('aria-pressed', String(on));
  const toggle = (text, on, onclick, props) => h('button', { 'aria-pressed': String(on), onclick, ...props }, text);
  const setTimes = (on) => {
    view.element.classList.toggle('times', on);
    press(timesButton, on);
    remember('drydock-times', on ? '1' : '');
  };
  const setFollow = (on) => {
    view.follow = on;
    press(followButton, on);
    if (on) view.toEnd();
  };
  const timesButton = toggle('Times', false, () => setTimes(!view.element.classList.contains('times')), { title: 'Show times (t)' });
  const followButton = toggle('Follow', false, () => setFollow(!view.follow), { title: 'Stay at the end (f)' });
  const count = h('span.count', { role: 'status' });
  const search = h('input', {
    type: 'search', placeholder: 'Search this log', 'aria-label': 'Search this log',
    oninput: () => { clearTimeout(search.timer); search.timer = setTimeout(find, 120); },
    onkeydown: (e) => { if (e.key === 'Enter') { e.preventDefault(); goHit(e.shiftKey ? -1 : 1); } },
  });

  const arrows = [['Previous match', 'N', '↑', -1], ['Next match', 'n', '↓', 1]].map(([name, key, sign, by]) => h('button.bare.hidden', { title: `${name} (${key})`, 'aria-label': name, onclick: () => goHit(by) }, sign));

  function find() {
    view.search = search.value;
    hits = search.value ? model.find(search.value) : [];
    hit = -1;
    view.found = null;
    if (hits.length) goHit(1);
    else view.keep();
    drawCount();
  }
  function drawCount() {
    for (const b of arrows) b.classList.toggle('hidden', !search.value);
    fill(count, search.value ? (hits.length ? `${hit + 1} of ${hits.length}` : 'nothing') : '');
  }
  function goHit(by) {
    if (search.value && !hits.length) hits = model.find(search.value);
    if (!hits.length) return;
    hit = (hit + by + hits.length) % hits.length;
    view.found = hits[hit][1];
    view.show(...hits[hit]);
    drawCount();
  }
  let lastError = -1;
  function goError() {
    const all = model.errors();
    if (!all.length) {
      toast('This log has no error.');
      return;
    }
    lastError = (lastError + 1) % all.length;
    view.here = all[lastError][1];
    view.show(...all[lastError]);
  }
  function goStep(by) {
    const at = model.steps.indexOf(view.topStep());
    const s = model.steps[Math.max(0, Math.min(model.steps.length - 1, at + by))];
    if (s) view.show(s);
  }

  // goWanted shows the line that the address names, once it has come.
  function goWanted() {
    if (!wanted) return;
    const s = model.byNumber.get(wanted.step);
    const l = s?.lines[wanted.line - 1];
    if (!s || (!l && !model.finished)) return;
    wanted = null;
    view.here = l || null;
    view.show(s, l && l.number > 1 ? l : null);
  }
  function drawSide() {
    const top = view.topStep();
    const siblings = run?.jobs?.length > 1 && [h('h2', null, 'Jobs'), h('ul.siblings', null, run.jobs.map((j) => h('li', null,
      h('a', { href: jobPath(run, j.id), 'aria-current': j.id === job ? 'true' : null, 'data-key': `job ${j.id}` }, icon(status(j)), h('span', null, j.name || j.id)))))];
    const key = JSON.stringify([top?.number, run?.jobs?.map((j) => [j.id, status(j)]), model.steps.map((s) => [s.number, s.state, s.conclusion])]);
    if (key === drawSide.last) return;
    drawSide.last = key;
    fill(parts.side, siblings, h('h2', null, 'Steps'), h('ol.steps', null, model.steps.filter((s) => s.number).map((s) => h('li', null, h('a', {
      href: `#step:${s.number}:1`, 'aria-current': s === top ? 'true' : null, 'data-key': `step ${s.number}`,
      onclick: (e) => { e.preventDefault(); view.show(s); },
    }, icon(s.state === 'completed' ? s.conclusion : s.state), h('span.name', null, s.name), h('span.num.quiet', null, s.state === 'completed' && s.conclusion !== 'skipped' ? seconds(s.seconds) : ''))))));
  }
  function drawHead() {
    const j = run?.jobs?.find((x) => x.id === job);
    const name = j?.name || job;
    title(run ? `${name} · ${run.title || run.name}` : name);
    fill(parts.head, h('div.jobhead', null,
      h('div.crumbs', null, run ? [h('a', { href: `/?repository=${encodeURIComponent(run.repository)}` }, run.repository), ' / ', h('a', { href: runPath(id, Number(attempt) === Math.max(...(run.attempts || [1])) ? '' : attempt), 'data-key': 'run' }, `${run.title || run.name} #${run.number}`)] : h('a', { href: runPath(id) }, `Run ${id}`)),
      h('div.titleline', null, j && icon(status(j)), h('h1.grow', null, name), h('span.num.quiet', null, j ? [j.reason, took(j)].filter(Boolean).join(' · ') : ''))));
  }
  function drawTail(state) {
    const j = run?.jobs?.find((x) => x.id === job);
    const what = model.finished || state === 'end' ? (model.lines || model.steps.length ? '' : j?.reason || 'This job has no log.') : state === 'lost' ? 'The connection is lost; it is tried again.' : model.steps.length ? 'Live' : j?.reason || 'Waiting for the first line…';
    fill(parts.tail, h('span', null, `${model.lines.toLocaleString('en')} lines`), view.cut > 0 && h('span', null, `${view.cut.toLocaleString('en')} more rows are only in the download`), h('span', null, what));
  }

  fill(place, h('div.jobpage', null, parts.head, h('div.jobbody', null, parts.side, h('div.logpane', null,
    h('div.tools', null, search, count,
      arrows,
      h('span.grow.wide'), h('button.wide', { onclick: goError, title: 'Next error (e)' }, 'Next error'), timesButton, followButton, h('a.button', { href: log, download: '', title: 'Download (d)' }, 'Download')),
    view.element, parts.tail))));
  drawHead();
  drawTail();
  setTimes(recall('drydock-times') === '1');
  keys.use([
    ['n', 'Next match', () => goHit(1)], ['N', 'Previous match', () => goHit(-1)], ['e', 'Next error', goError], [']', 'Next step', () => goStep(1)], ['[', 'Previous step', () => goStep(-1)],
    ['t', 'Times on or off', () => timesButton.click()], ['f', 'Follow the end', () => followButton.click()], ['d', 'Download', () => location.assign(log)], ['u', 'Up to the run', () => parts.head.querySelector('.crumbs a:last-child')?.click()],
  ]);
  addEventListener('hashchange', () => { wanted = parseHash(); goWanted(); }, { signal });

  const look = async () => {
    run = await get(`/api/v1/runs/${id}?attempt=${attempt}`, signal);
    drawHead();
    drawSide();
    const j = run.jobs?.find((x) => x.id === job);
    if (!wanted && j?.state === 'in_progress' && !view.touched) setFollow(true);
    drawTail(model.finished ? 'end' : undefined);
  };
  let redraw = 0;
  stream(`${base}/events?job=${encodeURIComponent(job)}`, {
    signal,
    onData: (data) => {
      model.read(data);
      view.changed();
      redraw ||= setTimeout(() => {
        redraw = 0;
        goWanted();
        drawSide();
        drawTail();
      }, 60);
    },
    onEnd: () => {
      drawTail('end');
      setTimeout(() => look().catch(() => {}), 300);
      if (search.value) find();
    },
    onState: (s) => drawTail(s),
  }).catch((e) => fail(place, e));
  look().catch((e) => fail(place, e));
}

function parseHash() {
  const m = location.hash.match(/^#step:(\d+):(\d+)$/);
  return m && { step: Number(m[1]), line: Number(m[2]) };
}
