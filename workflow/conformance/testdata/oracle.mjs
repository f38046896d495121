// Answers questions about expressions and workflows with GitHub's own packages,
// a JSON value a line in and out, in order.
import {Lexer, Parser, Evaluator, FeatureFlags, data} from "@actions/expressions";
import {convertWorkflowTemplate} from "@actions/workflow-parser/model/convert";
import {TemplateContext, TemplateValidationErrors} from "@actions/workflow-parser/templates/template-context";
import {NoOperationTraceWriter} from "@actions/workflow-parser/templates/trace-writer";
import {parseWorkflow} from "@actions/workflow-parser/workflows/workflow-parser";
import {getWorkflowSchema} from "@actions/workflow-parser/workflows/workflow-schema";
import {createInterface} from "node:readline";

// Objects are sent as ["o", key, value, ...] and lists as ["a", value, ...]:
// JavaScript would sort keys that look like numbers.
function decode(v) {
  if (v === null) return new data.Null();
  if (typeof v === "string") return new data.StringData(v);
  if (typeof v === "number") return new data.NumberData(v);
  if (typeof v === "boolean") return new data.BooleanData(v);
  if (v[0] === "a") return new data.Array(...v.slice(1).map(decode));
  const pairs = [];
  for (let i = 1; i < v.length; i += 2) pairs.push({key: v[i], value: decode(v[i + 1])});
  return new data.Dictionary(...pairs);
}

function encode(v) {
  switch (v.kind) {
    case data.Kind.Null: return null;
    case data.Kind.Boolean: case data.Kind.String: return v.value;
    case data.Kind.Number: return Number.isFinite(v.value) && !Object.is(v.value, -0) ? v.value : ["n", Object.is(v.value, -0) ? "-0" : String(v.value)];
    case data.Kind.Array: return ["a", ...v.values().map(encode)];
    default: return ["o", ...v.pairs().flatMap(p => [p.key, encode(p.value)])];
  }
}

const contexts = new Map();

// Positions count from the start of their line; C# counts from that of the text.
function offset(text, pos) {
  const lines = text.split("\n").slice(0, pos.line);
  return lines.reduce((n, line) => n + line.length + 1, pos.column);
}

function expression(q) {
  if (q.contexts) contexts.set(q.set, decode(q.contexts));
  const context = contexts.get(q.set);
  let kind = "lexing";
  try {
    const lexed = new Lexer(q.expr).lex();
    kind = "parsing";
    const tree = new Parser(lexed.tokens, context.pairs().map(p => p.key), []).parse();
    kind = "evaluation";
    const v = tree === undefined ? new data.Null() : new Evaluator(tree, context).evaluate();
    return {value: encode(v)};
  } catch (e) {
    return {kind, message: String(e.message), pos: e.pos ? offset(q.expr, e.pos) + 1 : 0};
  }
}

const flags = new FeatureFlags({all: true});

async function workflow(q) {
  try {
    const context = new TemplateContext(new TemplateValidationErrors(), getWorkflowSchema(), new NoOperationTraceWriter());
    context.state.featureFlags = flags;
    const parsed = parseWorkflow({name: "f.yml", content: q.workflow}, context);
    const t = await convertWorkflowTemplate(parsed.context, parsed.value, undefined, {featureFlags: flags});
    if (t.errors) return {errors: t.errors.map(e => e.Message)};
    return {jobs: JSON.stringify(t.jobs ?? [])};
  } catch (e) {
    return {errors: ["thrown: " + e.message]};
  }
}

async function main() {
  for await (const line of createInterface({input: process.stdin})) {
    const q = JSON.parse(line);
    const a = q.workflow === undefined ? expression(q) : await workflow(q);
    process.stdout.write(JSON.stringify(a) + "\n");
  }
}

main();
