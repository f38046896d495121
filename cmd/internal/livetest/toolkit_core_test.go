package livetest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestToolkitCore: @actions/core speaks to the engine by files and commands.
func TestToolkitCore(t *testing.T) {
	withToolkit(t, func(w *toolWorld) {
		w.workflow(`
permissions: {id-token: write}
jobs:
  core:
    runs-on: here
    outputs: {text: "${{ steps.js.outputs.text }}", secret: "${{ steps.js.outputs.secret }}"}
    steps:
` + step(`
assert.deepEqual(core.getMultilineInput('list'), ['one two', 'three'])
assert.equal(core.getBooleanInput('flag'), true)
assert.throws(() => core.getInput('missing', {required: true}), /Input required and not supplied/)
core.setOutput('text', 'first\nsecond ${{ github.job }} %0A')
core.setOutput('object', {list: [1, null, 'x']})
core.exportVariable('FROM_TOOLKIT', 'a\nb=c')
core.exportVariable('AS_JSON', {deep: true})
fs.mkdirSync('bin', {recursive: true})
fs.writeFileSync('bin/from-toolkit', '#!/bin/sh\necho found on the path\n', {mode: 0o755})
core.addPath(path.resolve('bin'))
const secret = ['a', 'whole', 'new', 'secret'].join(' ') // the step's own text is logged, too
core.setSecret(secret)
core.setOutput('secret', secret)
core.info('[' + secret + '] ' + Buffer.from(secret).toString('base64'))
core.notice('noted', {title: 'N', file: 'a.js', startLine: 3, endLine: 4})
core.warning('warned: 100%, "x"\nand on', {startLine: 7})
core.error(new Error('erred'))
core.startGroup('group'); core.info('within'); core.endGroup()
await core.summary.addHeading('Result').addTable([[{data: 'k', header: true}], ['v']]).addRaw(secret).write()
core.saveState('kept', 'line 1\nline 2')
core.saveState('object', {a: 1})
assert.equal(process.env.CI, 'true')
assert.equal(core.platform.isLinux, true)
`, "id: js") + `          list: "one two\n  three  "
          flag: "TRUE"
` + post(`
assert.equal(core.getState('kept'), 'line 1\nline 2')
assert.equal(core.getState('object'), '{"a":1}')
assert.equal(process.env.FROM_TOOLKIT, 'a\nb=c')
core.info('post saw its state')
`) + `      - run: |
          from-toolkit
          test "$FROM_TOOLKIT" = "a
          b=c" && echo "env is whole"
          echo "$AS_JSON ${{ fromJSON(steps.js.outputs.object).list[2] }}"
          test "${{ fromJSON(toJSON(steps.js.outputs.text)) == format('first{0}second core %0A', fromJSON('"\n"')) }}" = true && echo "output is whole"
` + step(`core.setFailed('told to fail')`, "id: bad", "continue-on-error: true") + `      - run: echo "bad was ${{ steps.bad.outcome }}, is ${{ steps.bad.conclusion }}"
  after:
    needs: core
    runs-on: here
    steps:
` + step(`
const claims = await verify(await core.getIDToken('me'), 'me')
assert.equal(claims.sub, 'repo:octo/demo:ref:refs/heads/main')
assert.equal(claims.repository, process.env.GITHUB_REPOSITORY)
assert.equal(claims.sha, process.env.GITHUB_SHA)
assert.equal(claims.run_id, process.env.GITHUB_RUN_ID)
assert.equal(claims.job_workflow_ref, process.env.GITHUB_WORKFLOW_REF)
const token = await core.getIDToken()
await verify(token, 'https://github.com/octo')
core.info('token ' + token)
core.info('verified')
// Nothing that holds a secret goes to another job.
assert.deepEqual(JSON.parse(process.env.NEEDS), {text: 'first\nsecond core %0A'})
`, `env: {NEEDS: "${{ toJSON(needs.core.outputs) }}"}`) + `
  forbidden:
    runs-on: here
    permissions: {contents: read}
    steps:
` + step(`await rejects(core.getIDToken(), /ACTIONS_ID_TOKEN_REQUEST_URL/); core.info('refused')`))
		r := w.pass()
		r.wantLines("[***] ***", "within", "found on the path", "env is whole", `{"deep":true} x`, "output is whole",
			"bad was failure, is success", "post saw its state", "token ***", "verified", "refused")
		if strings.Contains(r.out, "a whole new secret") {
			t.Error("the secret is to be seen")
		}
		var seen []string
		for _, line := range strings.Split(r.out, "\n") {
			var e struct {
				Type, Level, Message, Title, File, Text string
				Line, EndLine                           int
			}
			if json.Unmarshal([]byte(line), &e) == nil && (e.Type == "annotation" || e.Type == "summary") {
				seen = append(seen, line)
			}
		}
		all := strings.Join(seen, "\n")
		for _, want := range []string{
			`"level":"notice","message":"noted"`, `warned: 100%, \"x\"\nand on`, `Error: erred`, `told to fail`, `<h1>Result</h1>`, `<th>k</th>`, `***`,
		} {
			if !strings.Contains(all, want) {
				t.Errorf("no %s in the annotations and summaries:\n%s", want, all)
			}
		}
	})
}

// TestToolkitContext: @actions/github finds the run, @actions/glob hashes as
// hashFiles does, and @actions/tool-cache keeps tools for later steps.
func TestToolkitContext(t *testing.T) {
	withToolkit(t, func(w *toolWorld) {
		for name, text := range map[string]string{
			"src/a.txt": "a", "src/deep/b.txt": "b", "src/deep/.hidden.txt": "h", "src/skip/c.txt": "c", "src/[odd].txt": "o", "go.sum": "sum\n",
		} {
			w.file(name, text)
		}
		w.workflow(`
jobs:
  context:
    runs-on: here
    steps:
      - uses: actions/checkout@v4
` + step(`
const {context} = github
assert.equal(context.eventName, 'push')
assert.deepEqual(context.repo, {owner: 'octo', repo: 'demo'})
assert.equal(context.ref, 'refs/heads/main')
assert.match(context.sha, /^[0-9a-f]{40}$/)
assert.equal(context.payload.after, context.sha)
assert.equal(context.payload.repository.full_name, 'octo/demo')
assert.equal(context.workflow, '.github/workflows/ci.yml')
assert.equal(context.job, 'context')
assert.equal(context.runId, ${{ github.run_id }})
assert.equal(context.runNumber, ${{ github.run_number }})
assert.equal(context.runAttempt, 1)
assert.equal(context.actor, '${{ github.actor }}')
assert.equal(context.apiUrl, '${{ github.api_url }}')
assert.equal(context.serverUrl, 'https://github.com')
assert.throws(() => github.getOctokit(''), /auth/)
core.info('context fits')
`) + step(`
const cases = JSON.parse(process.env.HASHES)
for (const [patterns, want] of Object.entries(cases)) {
  assert.equal(await glob.hashFiles(patterns, '', {followSymbolicLinks: false}), want, patterns)
}
assert.equal(new Set(Object.values(cases)).size, Object.keys(cases).length)
const found = await (await glob.create('src/**\n!src/skip/**', {matchDirectories: false})).glob()
core.info('found ' + found.map(f => path.relative('', f)).sort().join(' '))
`, `env:`, `  HASHES: >-`,
			`    {"**/*.txt": "${{ hashFiles('**/*.txt') }}",`,
			`     "**/*.txt\n!**/skip/**": "${{ hashFiles('**/*.txt', '!**/skip/**') }}",`,
			`     "src/[[]odd].txt": "${{ hashFiles('src/[[]odd].txt') }}",`,
			`     "src/deep": "${{ hashFiles('src/deep') }}",`,
			`     "**/go.sum\nsrc/?.txt": "${{ hashFiles('**/go.sum', 'src/?.txt') }}",`,
			`     "nothing": "${{ hashFiles('nothing') }}"}`) + step(`
const made = path.resolve('made')
fs.mkdirSync(path.join(made, 'bin'), {recursive: true})
fs.writeFileSync(path.join(made, 'bin', 'hello'), '#!/bin/sh\necho hello from the tool\n', {mode: 0o755})
execFileSync('tar', ['-czf', 'tool.tgz', '-C', made, '.'])
const server = http.createServer((q, a) => fs.createReadStream('tool.tgz').pipe(a))
await new Promise(done => server.listen(0, '127.0.0.1', done))
const archive = await tc.downloadTool('http://127.0.0.1:' + server.address().port + '/tool.tgz')
server.close()
assert.ok(archive.startsWith(process.env.RUNNER_TEMP + '/'))
const folder = await tc.extractTar(archive)
const cached = await tc.cacheDir(folder, 'hello', '1.2.3')
assert.ok(cached.startsWith(process.env.RUNNER_TOOL_CACHE + '/'))
await tc.cacheFile(path.join(folder, 'bin', 'hello'), 'hello', 'hello-file', '2.0.0', 'any')
core.addPath(path.join(cached, 'bin'))
`) + "      - run: hello\n" + step(`
assert.ok(tc.find('hello', '^1.1'))
assert.equal(tc.find('hello', '2.x'), '')
assert.deepEqual(tc.findAllVersions('hello-file', 'any'), ['2.0.0'])
core.info('tools are found')
`) + `
  pull:
    runs-on: here
    if: github.event_name == 'pull_request'
    steps:
` + step(`
assert.equal(github.context.issue.number, 7)
assert.equal(github.context.payload.pull_request.head.ref, 'topic')
assert.equal(github.context.ref, 'refs/pull/7/merge')
core.info('pull request ' + github.context.payload.number)
`))
		r := w.pass()
		r.wantLines("context fits", "found src/[odd].txt src/a.txt src/deep/.hidden.txt src/deep/b.txt", "hello from the tool", "tools are found")

		r = w.pass("pull_request", "-j", "pull", "-e", pullRequest(t, w, 7, "topic"))
		r.wantLines("pull request 7")
	})
}

// pullRequest is a file with the event that opens a pull request into main.
func pullRequest(t *testing.T, w *toolWorld, number int, branch string) string {
	t.Helper()
	repo := map[string]any{"full_name": "octo/demo", "name": "demo", "owner": map[string]any{"login": "octo"}, "default_branch": "main"}
	sha := strings.TrimSpace(w.git("rev-parse", "HEAD"))
	text, err := json.Marshal(map[string]any{
		"action": "opened", "number": number, "repository": repo,
		"pull_request": map[string]any{
			"number": number,
			"head":   map[string]any{"ref": branch, "sha": sha, "repo": repo},
			"base":   map[string]any{"ref": "main", "sha": sha, "repo": repo},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/event.json"
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
