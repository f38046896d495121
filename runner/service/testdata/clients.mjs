// Calls GitHub's own clients as the actions do. A line of JSON on stdin is one
// call: {"env", "op", "args"}. A line on descriptor 3 is its answer:
// {"value"} or {"error", "name"}, with what the client has logged.
import fs from 'node:fs'
import readline from 'node:readline'
import {createRequire} from 'node:module'
import * as artifact from '@actions/artifact'
import * as cache from '@actions/cache'
import * as core from '@actions/core'

const require = createRequire(import.meta.url)
const artifactV1 = require('artifact-v1')
const cacheV3 = require('cache-v3')
const client = new artifact.DefaultArtifactClient()

const calls = {
  'artifact.upload': a => client.uploadArtifact(a.name, a.files, a.root, a.options),
  'artifact.download': a => client.downloadArtifact(a.id, a.options),
  'artifact.list': a => client.listArtifacts(a.options),
  'artifact.get': a => client.getArtifact(a.name, a.options),
  'artifact.delete': a => client.deleteArtifact(a.name, a.options),
  'artifact1.upload': a => artifactV1.create().uploadArtifact(a.name, a.files, a.root, a.options),
  'artifact1.download': a => artifactV1.create().downloadArtifact(a.name, a.path, a.options),
  'artifact1.all': a => artifactV1.create().downloadAllArtifacts(a.path),
  'cache.save': a => cache.saveCache(a.paths, a.key),
  'cache.restore': a => cache.restoreCache(a.paths, a.key, a.restoreKeys, a.options),
  'cache3.save': a => cacheV3.saveCache(a.paths, a.key),
  'cache3.restore': a => cacheV3.restoreCache(a.paths, a.key, a.restoreKeys, a.options),
  'core.idtoken': a => core.getIDToken(a.audience),
}

let log = ''
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text, encoding, done) => {
    log += text
    const callback = typeof encoding === 'function' ? encoding : done
    if (callback) callback()
    return true
  }
}

const own = {...process.env}
for await (const line of readline.createInterface({input: process.stdin})) {
  const {env, op, args} = JSON.parse(line)
  for (const name of Object.keys(process.env)) if (!(name in own)) delete process.env[name]
  Object.assign(process.env, own, env)
  if (env.GITHUB_WORKSPACE) process.chdir(env.GITHUB_WORKSPACE)
  log = ''
  let answer
  try {
    answer = {value: (await calls[op](args)) ?? null}
  } catch (error) {
    answer = {error: String(error?.message ?? error), name: error?.name}
  }
  process.exitCode = 0
  fs.writeSync(3, JSON.stringify({...answer, log}) + '\n')
}
