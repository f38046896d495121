// What a log says: steps with their lines, from the events of a job. It knows
// nothing of the page.
import { plain } from './ansi.js';

export class LogModel {
  constructor() {
    this.reset();
  }

  reset() {
    this.steps = []; // in the order of their numbers
    this.byNumber = new Map();
    this.lines = 0;
    this.finished = null; // the job's last event
  }

  step(number, name, phase) {
    let s = this.byNumber.get(number);
    if (!s) {
      s = { number, name: name || (number ? `Step ${number}` : 'Job'), phase: phase || 'main', state: 'queued', lines: [], group: null, open: null, seconds: 0 };
      this.byNumber.set(number, s);
      const at = this.steps.findIndex((x) => x.number > number);
      this.steps.splice(at < 0 ? this.steps.length : at, 0, s);
    }
    if (name) Object.assign(s, { name, phase });
    return s;
  }

  // read takes the JSON lines of one chunk.
  read(data) {
    if (!data) return;
    for (const line of data.split('\n')) {
      let e;
      try { e = JSON.parse(line); } catch { continue; }
      this.event(e);
    }
  }

  event(e) {
    switch (e.type) {
      case 'line': return this.line(e);
      case 'job-started': // again, when the job lost its first place
        if (this.steps.length) this.reset();
        return undefined;
      case 'step-started': {
        const s = this.step(e.step.number, e.step.name, e.step.phase);
        Object.assign(s, { state: 'in_progress', started: e.time });
        return undefined;
      }
      case 'step-finished': return this.end(e);
      case 'job-finished':
        for (const r of e.steps || []) this.end(r);
        this.finished = e;
    }
    return undefined;
  }

  end(r) {
    const s = this.step(r.step.number, r.step.name, r.step.phase);
    Object.assign(s, { state: 'completed', conclusion: r.conclusion, seconds: r.seconds, reason: r.reason });
  }

  line(e) {
    const s = this.step(e.step);
    if (e.level === 'endgroup') {
      s.group = null;
      return;
    }
    const l = { time: e.time, level: e.level, text: e.text, number: s.lines.length + 1, group: null, folded: false, bad: false };
    if (e.level === 'group') {
      l.folded = true;
      s.group = l;
    } else l.group = s.group;
    if (e.level === 'error' && s.group) {
      s.group.bad = true;
      if (!s.group.touched) s.group.folded = false;
    }
    s.lines.push(l);
    this.lines++;
  }

  // isOpen: what people look for first is open: what failed, runs, or is a step of
  // the workflow's own. A click decides for good.
  isOpen(s) {
    if (s.open !== null) return s.open;
    if (s.state === 'in_progress' || s.conclusion === 'failure') return true;
    return s.phase === 'main' && s.conclusion !== 'skipped';
  }

  // rows are what is shown: a step [s, null] or a line of it [s, l], flat in two
  // arrays because there may be a million.
  rows() {
    const steps = [];
    const lines = [];
    for (const s of this.steps) {
      if (s.number || s.name !== 'Job') {
        steps.push(s);
        lines.push(null);
      }
      if (!this.isOpen(s)) continue;
      for (const l of s.lines) {
        if (l.group && l.group.folded) continue;
        steps.push(s);
        lines.push(l);
      }
    }
    return { steps, lines, length: steps.length };
  }

  // find gives all lines that have a text, by step; case is ignored.
  find(text) {
    const wanted = text.toLowerCase();
    const out = [];
    for (const s of this.steps) {
      for (const l of s.lines) {
        if (plain(l.text).toLowerCase().includes(wanted)) out.push([s, l]);
      }
    }
    return out;
  }

  // errors are the lines that say that something is wrong.
  errors() {
    return this.steps.flatMap((s) => s.lines.filter((l) => l.level === 'error').map((l) => [s, l]));
  }

  reveal(s, l) {
    if (!this.isOpen(s)) s.open = true;
    if (l?.group) l.group.folded = false;
  }
}
