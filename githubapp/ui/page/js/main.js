// The frame of the page: which view a path shows, the links at the top, and what
// happens when nobody is signed in.
import { h, fill, toast } from './dom.js';
import { me, whoAmI, Failure, post } from './api.js';
import * as keys from './keys.js';
import { jobView } from './job.js';

// load gets a view, and once more if the network lost it: under another name, since
// what was lost is not asked for again.
const load = (name) => import(name).catch(async () => {
  await new Promise((done) => setTimeout(done, 300));
  return import(`${name}?again`);
});

// Views that are not the log are loaded when they are first shown.
const routes = [
  [/^\/$/, 'Runs', async (c) => (await load('./runs.js')).runsView(c)],
  [/^\/runs\/(\d+)(?:\/attempts\/(\d+))?$/, 'Run', async (c) => (await load('./run.js')).runView(c)],
  [/^\/runs\/(\d+)\/attempts\/(\d+)\/jobs$/, 'Job', jobView],
  [/^\/services$/, 'Services', async (c) => (await load('./services.js')).servicesView(c)],
  [/^\/services\/([^/]+)\/([^/]+)\/([^/]+)$/, 'Service', async (c) => (await load('./services.js')).serviceView(c)],
  [/^\/dispatch$/, 'Dispatch', async (c) => (await load('./dispatch.js')).dispatchView(c)],
  [/^\/deliveries$/, 'Deliveries', async (c) => (await load('./deliveries.js')).deliveriesView(c)],
  [/^\/deliveries\/([^/]+)$/, 'Delivery', async (c) => (await load('./deliveries.js')).deliveryView(c)],
  [/^\/queue$/, 'Queue', async (c) => (await load('./queue.js')).queueView(c)],
];

const place = document.getElementById('main');
let current; // AbortController of the view that is shown

export function navigate(path, replace) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  show();
}

export function title(text) {
  document.title = text ? `${text} · Drydock` : 'Drydock';
}

// fail shows why a view cannot be shown.
export function fail(where, e) {
  if (e.name === 'AbortError') return;
  if (e instanceof Failure && e.status === 401) {
    signIn();
    return;
  }
  fill(where, h('div.view', null, h('div.note.bad', { role: 'alert' }, e.message || String(e)), h('a', { href: '/' }, 'Back to the runs')));
}

// act does something that changes the server, and says when it could not.
export async function act(button, path, body, done) {
  button.disabled = true;
  try {
    const answer = await post(path, body);
    done?.(answer);
  } catch (e) {
    toast(e.message);
  } finally {
    button.disabled = false;
  }
}

async function show() {
  current?.abort();
  current = new AbortController();
  const { signal } = current;
  keys.use([]);
  links();
  const found = routes.map(([re, name, view]) => [location.pathname.match(re), name, view]).find(([m]) => m);
  if (!found) {
    title('Not found');
    fill(place, h('div.view', null, h('div.empty', null, 'There is no such page. ', h('a', { href: '/' }, 'Go to the runs'))));
    return;
  }
  title(found[1]);
  try {
    await found[2]({ place, signal, params: found[0].slice(1).map((x) => x && decodeURIComponent(x)) });
  } catch (e) {
    if (!signal.aborted) fail(place, e);
  }
}

function links() {
  const at = location.pathname;
  const all = [['/', 'Runs', true], ['/services', 'Services', me.can.includes('services')], ['/dispatch', 'Dispatch', me.can.includes('dispatch')], ['/deliveries', 'Deliveries', me.can.includes('deliveries')], ['/queue', 'Queue', me.can.includes('queue')]];
  fill(document.getElementById('nav'), all.filter((x) => x[2]).map(([href, name]) => h('a', {
    href, 'aria-current': (href === '/' ? at === '/' || at.startsWith('/runs') : at.startsWith(href)) ? 'page' : null, 'data-key': `nav ${href}`,
  }, name)));
  fill(document.getElementById('who'), me.signedIn && [
    h('span.login', null, me.local ? 'this machine' : me.login),
    h('button.bare', { onclick: async () => { await post('/auth/logout'); location.assign('/'); }, title: 'Sign out' }, 'Sign out'),
  ], h('button.bare', { 'aria-label': 'Keyboard shortcuts', title: 'Keyboard shortcuts (?)', onclick: () => document.dispatchEvent(new KeyboardEvent('keydown', { key: '?' })) }, '?'));
}

function signIn(problem) {
  title('Sign in');
  const back = location.pathname + location.search;
  const input = h('input', { type: 'password', 'aria-label': 'Token', placeholder: 'Token', autocomplete: 'off', required: true });
  const send = async (e) => {
    e.preventDefault();
    try {
      await post('/auth/local', { token: input.value.trim() }, true);
      await whoAmI();
      show();
    } catch (err) {
      signIn(err.message);
    }
  };
  fill(place, h('div.signin', null, h('h1', null, 'Sign in to Drydock'),
    problem && h('div.note.bad', { role: 'alert' }, problem),
    me.signIn.includes('github') && h('a.button', { href: `/auth/login?back=${encodeURIComponent(back)}` }, 'Sign in with GitHub'),
    me.signIn.includes('token') && h('form', { onsubmit: send }, input, h('button', { type: 'submit' }, 'Use token')),
    me.signIn.includes('token') && h('p.quiet', null, 'The token is in the file that the server named when it started.'),
    !me.signIn.length && h('p', null, 'Nobody can sign in here: the server is set up without GitHub sign-in.')));
}

// Links within the page change the view, not the page.
document.addEventListener('click', (e) => {
  const a = e.target.closest?.('a');
  const raw = a?.getAttribute('href');
  if (!raw || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || a.getAttribute('target') || a.getAttribute('download') !== null) return;
  const url = new URL(raw, location.href);
  if (url.origin !== location.origin || url.pathname.startsWith('/api/') || url.pathname.startsWith('/auth/') || raw.startsWith('#')) return;
  e.preventDefault();
  navigate(url.pathname + url.search + url.hash);
  scrollTo(0, 0);
  place.focus({ preventScroll: true });
});
addEventListener('popstate', show);
addEventListener('unhandledrejection', (e) => { if (e.reason?.name === 'AbortError') e.preventDefault(); });

keys.start(navigate);
dispatchEvent(new Event('drydock-started'));

// A log is asked for at once; who is signed in only decides what is offered.
const token = location.hash.startsWith('#token=') && decodeURIComponent(location.hash.slice(7));
if (token) {
  history.replaceState(null, '', location.pathname + location.search);
  try { await post('/auth/local', { token }, true); } catch (e) { toast(e.message); }
}
const known = whoAmI().then(links, () => {});
if (!/\/jobs$/.test(location.pathname)) await known;
show();
