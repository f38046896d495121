// One run: its graph, jobs with steps, annotations, summaries, artifacts, and
// what can be done with it.
import { h, fill, summary, toast } from './dom.js';
import { get, stream, query } from './api.js';
import { status, icon, took, word, when, branch, seconds, bytes, jobPath, runPath } from './format.js';
import { graph } from './graph.js';
import * as keys from './keys.js';
import { act, title } from './main.js';

export async function runView({ place, signal, params }) {
  const [id, attempt] = params;
  const base = `/api/v1/runs/${id}`;
  const parts = Object.fromEntries(['head', 'wanted', 'graph', 'notes', 'jobs', 'summaries', 'artifacts'].map((n) => [n, h('div')]));
  let run = await get(base + query({ attempt }), signal);
  const open = new Set();
  let drawn = '';
  let asked = '';
  const draw = () => {
    if (place.querySelector('button:active, a:active')) { // a press whose element goes is no click
      setTimeout(() => !signal.aborted && draw(), 100);
      return;
    }
    const text = JSON.stringify(run);
    if (text === drawn && run.state === 'completed') return;
    drawn = text;
    title(`${run.title || run.name} #${run.number}`);
    fill(parts.head, head(run, again));
    const wants = JSON.stringify([run.approvals, run.can]);
    if (wants !== asked) fill(parts.wanted, run.can?.includes('approve') ? (run.approvals || []).map((w) => approval(run, w, again)) : (run.approvals || []).map((w) => h('div.note', null, w.environment ? `Waits for a reviewer of the environment ${w.environment}. ` : 'Waits for somebody with write access to let it run. ', w.reason)));
    asked = wants; // else a comment would go while it is written
    fill(parts.graph, run.jobs?.length > 1 && h('section.card', null, graph(run)));
    fill(parts.jobs, run.jobs?.length > 0 && h('section.card', { 'aria-label': 'Jobs' }, h('h2', null, 'Jobs'), run.jobs.map((j) => job(run, j, open, draw2))));
    fill(parts.notes, run.annotations?.length > 0 && notes(run));
  };
  const draw2 = () => {
    drawn = '';
    draw();
  };
  const extras = async () => {
    const [s, a] = await Promise.all([get(`${base}/summaries${query({ attempt: run.attempt })}`, signal), get(`${base}/artifacts`, signal)]);
    const jobName = (jid) => run.jobs?.find((j) => j.id === jid)?.name || jid;
    fill(parts.summaries, s.summaries.length > 0 && h('section.card', null, h('h2', null, 'Summary'), s.summaries.map((x) => h('article', null, s.summaries.length > 1 && h('div.quiet.pad', null, jobName(x.job)), summary(x.html)))));
    fill(parts.artifacts, a.artifacts.length > 0 && h('section.card', null, h('h2', null, 'Artifacts'), h('ul.files', null, a.artifacts.map((x) => h('li', null,
      h('a.grow', { href: `${base}/artifacts/${encodeURIComponent(x.name)}`, download: '' }, x.name), h('span.num.quiet', null, bytes(x.bytes)), x.digest && h('code.quiet', null, x.digest.slice(0, 19)))))));
  };
  async function again() {
    const before = run.attempt;
    run = await get(base, signal);
    if (run.attempt !== before && attempt) {
      history.replaceState(null, '', runPath(id));
    }
    draw();
    watch();
  }
  const watch = () => {
    if (run.state === 'completed' || (attempt && Number(attempt) !== Math.max(...run.attempts))) return;
    stream(`${base}/watch`, {
      signal,
      onData: async (data) => {
        const next = JSON.parse(data);
        const stirred = next.state !== run.state || JSON.stringify(next.approvals) !== JSON.stringify(run.approvals);
        run = { ...next, can: run.can };
        if (stirred) run.can = (await get(base, signal)).can;
        draw();
        if (stirred) extras().catch(() => {});
      },
    }).catch((e) => toast(e.message));
  };
  draw();
  fill(place, h('div.view', null, Object.values(parts)));
  keys.use([...keys.moveIn('.job > .line a.name, .notes a')]);
  const ticker = setInterval(() => run.state !== 'completed' && draw2(), 1000);
  signal.addEventListener('abort', () => clearInterval(ticker));
  watch();
  await extras();
}

function head(run, again) {
  const s = status(run);
  const facts = [
    h('a', { href: `/${query({ repository: run.repository })}` }, run.repository),
    h('a', { href: `/${query({ repository: run.repository, workflow: run.workflow })}` }, `${run.name} #${run.number}`),
    h('span', null, run.event, run.action && ` (${run.action})`, run.actor && ` by ${run.actor}`),
    branch(run) && h('span.chip', { title: run.ref }, branch(run)),
    run.headSha && h('span.mono', { title: run.headSha }, run.headSha.slice(0, 7)),
    h('span', null, when(run.created)), took(run) && h('span.num', null, took(run)),
    run.zone && h('span', { title: 'Zone of trust' }, run.zone),
    run.delivery && h('a', { href: `/deliveries/${encodeURIComponent(run.delivery)}` }, 'delivery'),
  ];
  const can = (x) => run.can?.includes(x);
  const rerun = (what) => (e) => act(e.currentTarget, `/api/v1/runs/${run.id}/rerun`, { what }, again);
  const failed = run.jobs?.some((j) => ['failure', 'cancelled'].includes(j.conclusion));
  return h('div.head', null, icon(s), h('div.grow', null, h('h1', null, run.title || run.name), h('div.facts', null, facts),
    run.reason && h('div.quiet', null, `${word(s)}: ${run.reason}`)),
  h('div.actions', null,
    run.attempts?.length > 1 && h('select', { 'aria-label': 'Attempt', onchange: (e) => { location.assign(runPath(run.id, e.target.value)); } },
      run.attempts.map((n) => h('option', { value: n, selected: n === run.attempt }, `Attempt ${n}`))),
    can('cancel') && h('button.bad', { 'data-key': 'cancel', onclick: (e) => act(e.currentTarget, `/api/v1/runs/${run.id}/cancel`, { force: false }, () => toast('The run is being cancelled.')) }, 'Cancel'),
    can('cancel') && run.state === 'in_progress' && h('button.bare', { title: 'Stop also steps that run always', onclick: (e) => act(e.currentTarget, `/api/v1/runs/${run.id}/cancel`, { force: true }, () => toast('The run is being stopped.')) }, 'Force'),
    can('rerun') && failed && h('button', { 'data-key': 'failed', onclick: rerun('failed') }, 'Re-run failed jobs'),
    can('rerun') && h('button', { 'data-key': 'rerun', onclick: rerun('all') }, 'Re-run all jobs')));
}

function approval(run, w, again) {
  const comment = h('input', { placeholder: 'Comment', 'aria-label': 'Comment', 'data-key': `comment ${w.environment}` });
  const say = (verdict) => (e) => act(e.currentTarget, `/api/v1/runs/${run.id}/approve`, { environment: w.environment, sha: w.sha, verdict, comment: comment.value }, again);
  return h('div.note', null, h('h2', null, w.environment ? `Deploy to ${w.environment}?` : 'Let this run begin?'),
    h('p', null, w.reason ? `${w.reason}. ` : '', 'It is for commit ', h('code', null, (w.sha || '').slice(0, 12)), ' only.'),
    h('div.bar', null, comment, h('button.main', { onclick: say('approved') }, 'Approve'), h('button.bad', { onclick: say('rejected') }, 'Reject')));
}

function job(run, j, open, draw) {
  const s = status(j);
  const shown = open.has(j.id) || ((s === 'failure' || s === 'in_progress') && !open.has(`-${j.id}`));
  const toggle = () => {
    open[shown ? 'delete' : 'add'](j.id);
    open[shown ? 'add' : 'delete'](`-${j.id}`);
    draw();
  };
  const longest = Math.max(...(j.steps || []).map((x) => x.seconds), 0.1);
  return h('div.job', { id: `job-${j.node}` }, h('div.line', null, icon(s),
    h('a.name', { href: jobPath(run, j.id), 'data-key': `job ${j.id}` }, j.name || j.id),
    h('span.why', null, j.reason || [j.environment && `environment ${j.environment}`, j.executor || (j.labels || []).join(', '), j.worker].filter(Boolean).join(' · ')),
    h('span.num.quiet', null, took(j)),
    run.can?.includes('rerun') && j.state === 'completed' && h('button.bare', { 'data-key': `again ${j.id}`, title: 'Re-run this job', 'aria-label': `Re-run ${j.name}`, onclick: (e) => act(e.currentTarget, `/api/v1/runs/${run.id}/rerun`, { what: 'job', job: j.id }, () => location.assign(runPath(run.id))) }, '↻'),
    j.steps?.length ? h('button.bare', { 'aria-expanded': String(shown), 'aria-label': `Steps of ${j.name}`, 'data-key': `steps ${j.id}`, onclick: toggle }, shown ? '▾' : '▸') : ''),
  shown && j.steps?.length > 0 && h('ol.steps', null, j.steps.map((x) => h('li', null, h('a', { href: `${jobPath(run, j.id)}#step:${x.number}:1`, 'data-key': `step ${j.id} ${x.number}` },
    icon(status(x)), h('span.name', null, x.name),
    x.seconds > 0 && h('svg.meter', { 'aria-hidden': 'true', viewBox: '0 0 120 5' }, h('rect', { width: 120, height: 5, rx: 2, opacity: 0.35 }), h('rect.took', { width: Math.max(120 * x.seconds / longest, 2), height: 5, rx: 2 })),
    h('span.num.quiet', null, x.state === 'completed' ? (x.conclusion === 'skipped' ? 'skipped' : seconds(x.seconds)) : took(x)))))));
}

function notes(run) {
  const sign = { error: 'failure', warning: 'warning' };
  const rank = { error: 0, warning: 1 };
  const all = [...run.annotations].sort((a, b) => (rank[a.level] ?? 2) - (rank[b.level] ?? 2));
  return h('section.card', null, h('h2', null, `Annotations (${all.length})`), h('ul.notes', null, all.map((a) => h('li', null,
    icon(sign[a.level] || 'notice'), h('div.text', null, a.title && h('strong', null, `${a.title}: `), a.message,
      h('div.where', null, [a.file && `${a.file}${a.line ? `:${a.line}` : ''}`].filter(Boolean).join(''), a.file && a.job && ' · ',
        a.job && h('a', { href: `${jobPath(run, a.job)}${a.step ? `#step:${a.step}:1` : ''}` }, run.jobs?.find((j) => j.id === a.job)?.name || a.job)))))));
}
