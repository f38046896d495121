// Asking the server: JSON, and streams of events that come back by themselves.

export const me = { signedIn: false, can: [], signIn: [] };

export class Failure extends Error {
  constructor(status, error) {
    super(error?.hint ? `${error.message}: ${error.hint}` : error?.message || `the server answered ${status}`);
    this.status = status;
    this.code = error?.code;
  }
}

async function failure(res) {
  let body;
  try { body = await res.json(); } catch { body = null; }
  return new Failure(res.status, body?.error);
}

// twice asks once more when the network, not the server, failed.
async function twice(ask, signal) {
  try {
    return await ask();
  } catch (e) {
    if (signal?.aborted) throw e;
    await new Promise((done) => setTimeout(done, 300));
    return ask();
  }
}

export async function get(path, signal) {
  const res = await twice(() => fetch(path, { signal, headers: { Accept: 'application/json' } }), signal);
  if (!res.ok) throw await failure(res);
  return res.json();
}

// post changes something; harmless says that doing it twice is as doing it once.
export async function post(path, body, harmless) {
  const ask = () => fetch(path, {
    method: 'POST', body: JSON.stringify(body ?? {}),
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'Drydock-CSRF': me.csrf || '' },
  });
  const res = await (harmless ? twice(ask) : ask());
  if (!res.ok) throw await failure(res);
  return res.status === 204 ? null : res.json();
}

export async function whoAmI() {
  Object.assign(me, { login: '', csrf: '' }, await get('/api/v1/me'));
  return me;
}

// query makes ?a=b of what is not empty.
export function query(params) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v) q.set(k, v);
  return q.size ? `?${q}` : '';
}

// stream reads server-sent events until the server says `end`, or signal ends it.
// onData gets the data of each event: a string with a line for each data field.
// A lost connection is made again from the last id on. A page that nobody sees
// lets go of its connection: browsers have few of them.
export async function stream(path, { signal, onData, onEnd, onState }) {
  let last = '';
  let wait = 500;
  while (!signal.aborted) {
    await visible(signal);
    const part = new AbortController();
    const stop = () => part.abort();
    const hide = () => document.hidden && stop();
    signal.addEventListener('abort', stop);
    document.addEventListener('visibilitychange', hide);
    try {
      const headers = { Accept: 'text/event-stream' };
      if (last) headers['Last-Event-ID'] = last;
      const res = await fetch(path, { signal: part.signal, headers });
      if (!res.ok) throw await failure(res);
      onState?.('live');
      const ended = await read(res.body, (data, id, event) => {
        if (id) last = id;
        if (event === 'end') return true;
        wait = 500;
        onData(data);
        return false;
      });
      if (ended) {
        onEnd?.();
        return;
      }
    } catch (e) {
      if (signal.aborted) return;
      if (e instanceof Failure && e.status < 500) throw e;
    } finally {
      signal.removeEventListener('abort', stop);
      document.removeEventListener('visibilitychange', hide);
    }
    if (!document.hidden) {
      onState?.('lost');
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, 10000);
    }
  }
}

function visible(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      done();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

async function read(body, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return false;
    rest += value;
    let from = 0;
    for (let at = rest.indexOf('\n\n'); at >= 0; at = rest.indexOf('\n\n', from)) {
      const e = parse(rest.slice(from, at));
      from = at + 2;
      if (e && on(e.data, e.id, e.event)) {
        reader.cancel();
        return true;
      }
    }
    rest = rest.slice(from);
  }
}

function parse(text) {
  const e = { data: [], id: '', event: '' };
  let any = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('data:')) {
      e.data.push(line.slice(line[5] === ' ' ? 6 : 5));
      any = true;
    } else if (line.startsWith('id: ')) e.id = line.slice(4);
    else if (line.startsWith('event: ')) e.event = line.slice(7);
  }
  return any ? { ...e, data: e.data.join('\n') } : null;
}
