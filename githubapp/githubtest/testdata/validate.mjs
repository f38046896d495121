// Reads exchanges, one JSON object a line, and answers each with the list of
// deviations from GitHub's published description of its API.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const Ajv = require("ajv");
const formats = require("ajv-formats");
const api = JSON.parse(readFileSync(require.resolve("@octokit/openapi/package.json").replace("package.json", "generated/api.github.com.json")));

const foreign = new Set(["nullable", "example", "examples", "discriminator", "deprecated", "xml", "externalDocs"]);

// OpenAPI 3.0 says "nullable", JSON Schema wants the type null.
function convert(s) {
  if (Array.isArray(s)) return s.map(convert);
  if (s === null || typeof s !== "object") return s;
  const out = {};
  for (const [k, v] of Object.entries(s)) {
    if (foreign.has(k) || k.startsWith("x-")) continue;
    if (k === "properties") {
      out[k] = Object.fromEntries(Object.entries(v).map(([n, p]) => [n, convert(p)]));
    } else if (k === "enum" || k === "default" || k === "const") {
      out[k] = v;
    } else if (k === "oneOf") {
      out.anyOf = convert(v); // some of its alternatives overlap
    } else {
      out[k] = convert(v);
    }
  }
  return s.nullable === true ? { anyOf: [{ type: "null" }, out] } : out;
}

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true, logger: false });
formats(ajv);
ajv.addFormat("repo.nwo", true);
ajv.addFormat("email", /^[^@\s]+@[^@\s]+$/); // bots have brackets in theirs
// Its list of installations wants accounts to be people and enterprises at once.
api.paths["/app/installations"].get.responses["200"].content["application/json"].schema = { type: "array", items: { $ref: "#/components/schemas/installation" } };
const components = convert(api.components.schemas);
ajv.addSchema({ $id: "http://github/api", components: { schemas: components } });
const local = (s) => JSON.parse(JSON.stringify(convert(s)).replaceAll('"#/components/', '"http://github/api#/components/'));

const compiled = new Map();
function check(key, schema, value) {
  if (!compiled.has(key)) compiled.set(key, ajv.compile(local(schema)));
  const validate = compiled.get(key);
  if (validate(value)) return [];
  return validate.errors.map((e) => `${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params)}`);
}

function resolve(o) {
  while (o?.$ref) o = o.$ref.slice(2).split("/").reduce((at, part) => at[part], api);
  return o;
}

function operation(route) {
  const [method, path] = route.split(" ");
  const shape = (p) => p.replace(/\{[^}]*\}/g, "{}");
  const known = api.paths[path] ?? Object.entries(api.paths).find(([p]) => shape(p) === shape(path))?.[1];
  return known?.[method.toLowerCase()];
}

function response({ route, status, out, kind = "" }) {
  const op = operation(route);
  if (!op) return ["the description has no such route"];
  const found = resolve(op.responses[String(status)]);
  if (!found) {
    // Every route can refuse in these ways; not all say so.
    return [301, 304, 400, 401, 403, 404, 422].includes(status) ? [] : [`the description has no answer ${status}, only ${Object.keys(op.responses)}`];
  }
  const content = found.content?.["application/json"];
  if (!content) return status < 300 && kind.includes("json") && !found.content ? ["an answer without a body has one"] : [];
  if (!kind.includes("json")) return [];
  return check(`${route} ${status}`, content.schema, JSON.parse(out));
}

function request({ route, in: text }) {
  const schema = resolve(operation(route)?.requestBody)?.content?.["application/json"]?.schema;
  const body = schema && text ? JSON.parse(text) : null;
  return body !== null ? check(`${route} request`, schema, body) : [];
}

function webhook({ webhook, out }) {
  const body = JSON.parse(out);
  const hooks = api["x-webhooks"];
  const name = [webhook, body.action].filter(Boolean).join("-").replaceAll("_", "-");
  const hook = hooks[name] ?? hooks[webhook.replaceAll("_", "-")] ?? (webhook === "repository_dispatch" ? hooks["repository-dispatch-sample.collected"] : undefined);
  if (!hook) return [`the description has no webhook ${name}`];
  const content = hook.post.requestBody.content["application/json"];
  return check(`webhook ${name}`, content.schema, body);
}

for await (const line of createInterface({ input: process.stdin })) {
  const x = JSON.parse(line);
  let deviations;
  try {
    deviations = x.webhook ? webhook(x) : [...response(x), ...(x.status < 300 ? request(x) : [])];
  } catch (e) {
    deviations = [`validating: ${e.message}`];
  }
  console.log(JSON.stringify(deviations));
}
