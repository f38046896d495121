package livetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestToolkitCache: @actions/cache keeps folders from run to run, for those who
// may have them.
func TestToolkitCache(t *testing.T) {
	withToolkit(t, func(w *toolWorld) {
		// The job does what PLAN says: {find: {key: [restore keys, found key, content]},
		// keep: {key: content}, refused: [key]}.
		w.workflow(`
jobs:
  cache:
    runs-on: here
    steps:
` + step(`
const plan = JSON.parse(process.env.PLAN || '{}')
for (const [key, [rest, wantKey, content]] of Object.entries(plan.find ?? {})) {
  fs.rmSync('deps', {recursive: true, force: true})
  assert.equal(await cache.restoreCache(['deps', path.join(process.env.HOME, 'tool-home')], key, rest), wantKey ?? undefined, key)
  assert.deepEqual(wantKey ? tree('deps') : {}, wantKey ? {'sub/file': content} : {})
}
for (const [key, content] of Object.entries(plan.keep ?? {})) {
  write({'deps/sub/file': content, [path.join(process.env.HOME, 'tool-home', 'x')]: 'home'})
  assert.equal(typeof await cache.saveCache(['deps', path.join(process.env.HOME, 'tool-home')], key), 'number')
}
for (const key of plan.refused ?? []) {
  write({'deps/sub/file': 'refused'})
  assert.equal(await cache.saveCache(['deps', path.join(process.env.HOME, 'tool-home')], key), -1)
}
core.info('as planned')
`, "env: {PLAN: '${{ vars.PLAN }}'}"))
		do := func(plan string, args ...string) result {
			t.Helper()
			r := w.pass(append([]string{"--var", "PLAN=" + plan}, args...)...)
			r.wantLines("as planned")
			return r
		}

		do(`{"find": {"deps-1": [["deps-"], null]}, "keep": {"deps-1": "one", "deps-2": "two"}}`)
		r := do(`{"find": {"deps-1": [[], "deps-1", "one"], "deps-": [[], "deps-2", "two"], "none": [["x-", "deps-"], "deps-2", "two"], "eps-1": [[], null]}, "refused": ["deps-1"]}`)
		if text := r.text(); !strings.Contains(text, "another job may be creating this cache") {
			t.Errorf("nothing is said of a key that is taken:\n%s", text)
		}

		// A branch reads its own and the default branch's.
		w.git("checkout", "-q", "-b", "feature")
		do(`{"find": {"deps-1": [[], "deps-1", "one"]}, "keep": {"deps-1": "of feature", "deps-3": "three"}}`)
		do(`{"find": {"deps-1": [[], "deps-1", "of feature"], "x": [["deps-"], "deps-3", "three"]}}`)
		w.git("checkout", "-q", "-b", "other")
		do(`{"find": {"deps-1": [[], "deps-1", "one"], "deps-3": [[], null]}}`)
		w.git("checkout", "-q", "main")
		do(`{"find": {"deps-3": [[], null], "x": [["deps-"], "deps-2", "two"]}}`)

		// A pull request reads its base's, and what it writes nobody else reads.
		event := []string{"pull_request", "-e", pullRequest(t, w, 7, "topic")}
		do(`{"find": {"deps-1": [[], "deps-1", "one"]}, "keep": {"deps-9": "poison"}}`, event...)
		do(`{"find": {"deps-9": [[], "deps-9", "poison"]}}`, event...)
		do(`{"find": {"deps-9": [[], null]}}`, "pull_request", "-e", pullRequest(t, w, 8, "topic"))
		do(`{"find": {"deps-9": [[], null]}}`)

		// Neither does another repository.
		n := &toolWorld{w.neighbour(), w.flags}
		text, err := os.ReadFile(filepath.Join(w.repo, ".github", "workflows", "ci.yml"))
		if err != nil {
			t.Fatal(err)
		}
		n.file(".github/workflows/ci.yml", string(text))
		n.commit()
		n.git("remote", "add", "origin", "https://github.com/octo/other.git")
		n.pass("--var", `PLAN={"find": {"deps-1": [["deps-"], null]}}`).wantLines("as planned")

		// Nor who asks for none.
		do(`{"find": {"deps-1": [["deps-"], null]}, "refused": ["deps-1"]}`, "--no-cache-server")
	})
}

// TestToolkitDeadTokens: what was a job's token opens nothing when the job has
// ended, nor in another run, and the clients say so.
func TestToolkitDeadTokens(t *testing.T) {
	withToolkit(t, func(w *toolWorld) {
		// No other way leads out of a job: an output that holds the token is dropped.
		try := step(`
const own = process.env.ACTIONS_RUNTIME_TOKEN
assert.equal(await cache.restoreCache(['token'], 'token'), 'token')
process.env.ACTIONS_RUNTIME_TOKEN = fs.readFileSync('token/text', 'utf8').split('').reverse().join('')
assert.equal(await cache.restoreCache(['token'], 'token'), undefined)
assert.equal(await cache.saveCache(['token'], 'late'), -1)
const [file] = write({late: 'late'})
await rejects(artifact.uploadArtifact('late', [file], path.dirname(file)), WANT)
await rejects(artifact.listArtifacts(), WANT)
process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = process.env.ACTIONS_RUNTIME_TOKEN
await rejects(core.getIDToken(), /401/)
const answer = await fetch(process.env.ACTIONS_RESULTS_URL + 'twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry', {method: 'POST'})
assert.equal(answer.status, 401)
const unknown = await fetch(process.env.ACTIONS_RESULTS_URL + 'nowhere', {headers: {authorization: 'Bearer ' + own}})
assert.equal(unknown.status, 404)
core.info('it opens nothing')
`)
		w.workflow(`
permissions: {id-token: write}
jobs:
  first:
    runs-on: here
    steps:
` + step(`
write({'token/text': process.env.ACTIONS_RUNTIME_TOKEN.split('').reverse().join('')})
await cache.saveCache(['token'], 'token')
`) + `
  same-run:
    needs: first
    runs-on: here
    steps:
` + strings.ReplaceAll(try, "WANT", "/401.*job has ended/s") + `
  next-run:
    if: github.run_number == 2
    runs-on: here
    steps:
` + strings.ReplaceAll(try, "WANT", "/401.*not one of this service/s"))
		w.pass("-j", "same-run").wantLines("it opens nothing")
		w.pass("-j", "next-run").wantLines("it opens nothing")
	})
}
