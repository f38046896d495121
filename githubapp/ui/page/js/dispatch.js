// Starting a workflow by hand, with a form made of its inputs.
import { h, fill } from './dom.js';
import { get, query } from './api.js';
import { act, navigate, title } from './main.js';
import { runPath } from './format.js';

export async function dispatchView({ place, signal }) {
  title('Dispatch a workflow');
  const address = new URLSearchParams(location.search);
  const { repositories } = await get('/api/v1/repositories', signal);
  const body = h('div');
  const pick = h('select', { id: 'repository', onchange: () => go({ repository: pick.value }) },
    h('option', { value: '' }, 'Choose a repository'), repositories.map((r) => h('option', { value: r.name, selected: r.name === address.get('repository') }, r.name)));
  fill(place, h('div.view', null, h('h1', null, 'Dispatch a workflow'), h('div.form.pad', null, field('Repository', 'repository', pick), body)));
  if (pick.value) await workflows(body, pick.value, address, signal);
}

const go = (params) => navigate(`/dispatch${query(params)}`, true);

async function workflows(place, repository, address, signal) {
  const ref = address.get('ref') || '';
  const [owner, name] = repository.split('/').map(encodeURIComponent);
  const base = `/api/v1/repositories/${owner}/${name}`;
  const { workflows: all, mayDispatch } = await get(`${base}/workflows${query({ ref })}`, signal);
  const some = all.filter((w) => w.dispatch);
  if (!some.length) {
    fill(place, h('div.empty', null, 'No workflow there listens to workflow_dispatch.'));
    return;
  }
  const now = some.find((w) => w.path === address.get('workflow')) || some[0];
  const pick = h('select', { id: 'workflow', onchange: () => go({ repository, ref, workflow: pick.value }) }, some.map((w) => h('option', { value: w.path, selected: w === now }, `${w.name} (${w.path.replace('.github/workflows/', '')})`)));
  const branch = h('input', { id: 'ref', value: ref, placeholder: 'the default branch', onchange: () => go({ repository, workflow: now.path, ref: branch.value.trim() }) });
  const inputs = (now.inputs || []).map(input);
  const submit = h('button.main', { type: 'submit', disabled: !mayDispatch }, 'Run workflow');
  const form = h('form.form', {
    onsubmit: (e) => {
      e.preventDefault();
      const values = Object.fromEntries(inputs.filter((i) => i.value() !== '').map((i) => [i.name, i.value()]));
      act(submit, `${base}/dispatch`, { workflow: now.path, ref: branch.value.trim(), inputs: values }, (answer) => navigate(runPath(answer.run)));
    },
  }, field('Workflow', 'workflow', pick), field('Branch or tag', 'ref', branch), now.problem && h('div.note.bad', null, now.problem), inputs.map((i) => i.element),
  h('div', null, submit, !mayDispatch && h('span.quiet', null, ' You may only read this repository.')));
  fill(place, form);
}

function field(label, id, control, hint, required) {
  return h('div.field', null, h('label', { for: id }, label, required && h('span.need', { title: 'required' }, ' *')), control, hint && h('div.hint', null, hint));
}

// input makes the control of one input, by its type.
function input(i) {
  const id = `input-${i.name}`;
  const label = i.description || i.name;
  const hint = i.description ? i.name : '';
  if (i.type === 'boolean') {
    const box = h('input', { type: 'checkbox', id });
    box.checked = i.default === 'true';
    return { name: i.name, value: () => String(box.checked), element: h('div.field', null, h('label.check', { for: id }, box, label), hint && h('div.hint', null, hint)) };
  }
  let control;
  if (i.options?.length) {
    control = h('select', { id }, !i.required && !i.default && h('option', { value: '' }, ''), i.options.map((o) => h('option', { value: o, selected: o === i.default }, o)));
  } else {
    control = h('input', { id, type: i.type === 'number' ? 'number' : 'text', step: i.type === 'number' ? 'any' : null, value: i.default || '', required: i.required && !i.default });
  }
  return { name: i.name, value: () => control.value, element: field(label, id, control, i.type === 'environment' ? `${hint} (an environment)` : hint, i.required) };
}
