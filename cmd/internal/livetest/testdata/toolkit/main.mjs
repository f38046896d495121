// The action of the live tests: it runs its input "main" as the step and its
// input "post" afterwards, with GitHub's own packages in scope. It is bundled
// by the tests when they run; see toolkit_test.go.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import {execFileSync} from 'node:child_process'
import * as artifact from '@actions/artifact'
import * as cache from '@actions/cache'
import * as core from '@actions/core'
import * as github from '@actions/github'
import * as glob from '@actions/glob'
import * as tc from '@actions/tool-cache'

// write makes files below the working directory and gives their paths.
function write(files) {
  return Object.entries(files).map(([name, content]) => {
    const file = path.resolve(name)
    fs.mkdirSync(path.dirname(file), {recursive: true})
    fs.writeFileSync(file, content)
    return file
  })
}

// tree reads all files below dir.
function tree(dir) {
  const files = {}
  for (const entry of fs.readdirSync(dir, {recursive: true, withFileTypes: true})) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name)
    if (entry.isFile()) files[path.relative(dir, file)] = fs.readFileSync(file, 'utf8')
  }
  return files
}

// rejects waits for the failure of a promise and gives its message.
async function rejects(promise, want) {
  const error = await promise.then(value => assert.fail(`it gives ${JSON.stringify(value)}`), e => e)
  assert.match(String(error.message), want)
  return error.message
}

// verify checks an ID token by what its issuer publishes and gives its claims.
async function verify(token, audience) {
  const [head, body, signature] = token.split('.')
  const read = part => JSON.parse(Buffer.from(part, 'base64url'))
  const claims = read(body)
  const get = async url => (await fetch(url)).json()
  const about = await get(`${claims.iss}/.well-known/openid-configuration`)
  assert.equal(about.issuer, claims.iss)
  const jwk = (await get(about.jwks_uri)).keys.find(k => k.kid === read(head).kid)
  assert.equal(read(head).alg, 'RS256')
  const key = crypto.createPublicKey({key: jwk, format: 'jwk'})
  assert.ok(crypto.verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')), 'signature')
  assert.equal(claims.aud, audience)
  assert.ok(claims.exp * 1000 > Date.now() && claims.nbf * 1000 <= Date.now(), 'times')
  return claims
}

const scope = {
  assert, crypto, fs, http, path, process, execFileSync, artifact: new artifact.DefaultArtifactClient(),
  cache, core, github, glob, tc, write, tree, rejects, verify,
}
const phase = core.getState('phase') || 'main'
core.saveState('phase', 'post')
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
try {
  await new AsyncFunction(...Object.keys(scope), core.getInput(phase))(...Object.values(scope))
} catch (error) {
  core.setFailed(error.stack ?? String(error))
}
