package livetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestToolkitArtifacts: @actions/artifact brings files from job to job, from
// another run, and to the person at the command line.
func TestToolkitArtifacts(t *testing.T) {
	withToolkit(t, func(w *toolWorld) {
		w.workflow(`
jobs:
  build:
    strategy: {matrix: {os: [linux, mac]}}
    runs-on: here
    outputs: {linux: "${{ steps.up.outputs.linux }}", digest: "${{ steps.up.outputs.digest }}"}
    steps:
` + step(`
const os = '${{ matrix.os }}'
const files = write({['out/' + os]: os, 'out/deep/shared.txt': 'shared', 'out/empty': ''})
const up = await artifact.uploadArtifact('dist-' + os, files, path.resolve('out'), {retentionDays: 2, compressionLevel: 9})
assert.match(up.digest, /^[0-9a-f]{64}$/)
core.setOutput(os, up.id)
core.setOutput('digest', up.digest)
if (os === 'linux') {
  await artifact.uploadArtifact('raw.txt', write({'raw.txt': 'as it is'}), path.resolve(''), {skipArchive: true})
  await rejects(artifact.uploadArtifact('dist-linux', files, path.resolve('out')), /409.*exists already/s)
}
`, "id: up") + `
  use:
    needs: build
    runs-on: here
    steps:
` + step(`
const {artifacts} = await artifact.listArtifacts({latest: true})
assert.deepEqual(artifacts.map(a => a.name).sort(), ['dist-linux', 'dist-mac', 'raw.txt'])
assert.equal(artifacts.find(a => a.name === 'dist-linux').id, Number('${{ needs.build.outputs.linux }}'))
// by name
const one = (await artifact.getArtifact('dist-linux')).artifact
const got = await artifact.downloadArtifact(one.id, {path: 'one', expectedHash: one.digest})
assert.equal(got.digestMismatch, false)
assert.deepEqual(tree('one'), {linux: 'linux', 'deep/shared.txt': 'shared', empty: ''})
assert.equal((await artifact.downloadArtifact(one.id, {path: 'again', expectedHash: 'sha256:' + '0'.repeat(64)})).digestMismatch, true)
// by pattern, and merged
for (const a of artifacts.filter(a => /^dist-/.test(a.name))) {
  await artifact.downloadArtifact(a.id, {path: 'each/' + a.name})
  await artifact.downloadArtifact(a.id, {path: 'merged'})
}
assert.deepEqual(Object.keys(tree('each')).sort(), ['dist-linux/deep/shared.txt', 'dist-linux/empty', 'dist-linux/linux', 'dist-mac/deep/shared.txt', 'dist-mac/empty', 'dist-mac/mac'])
const merged = {linux: 'linux', mac: 'mac', 'deep/shared.txt': 'shared', empty: ''}
assert.deepEqual(tree('merged'), merged)
await artifact.uploadArtifact('merged', Object.keys(merged).map(f => path.resolve('merged', f)), path.resolve('merged'))
await artifact.downloadArtifact(artifacts.find(a => a.name === 'raw.txt').id, {path: 'raw'})
assert.deepEqual(tree('raw'), {'raw.txt': 'as it is'})
// what is not there
await rejects(artifact.getArtifact('nothing'), /Artifact not found for name: nothing/)
await rejects(artifact.downloadArtifact(1, {path: 'no'}), /artifact/i)
await rejects(artifact.deleteArtifact('nothing'), /Artifact not found for name: nothing/)
// deleted, and made anew
await artifact.deleteArtifact('dist-mac')
await artifact.uploadArtifact('dist-mac', write({'new/mac': 'anew'}), path.resolve('new'))
await artifact.downloadArtifact((await artifact.getArtifact('dist-mac')).artifact.id, {path: 'anew'})
assert.deepEqual(tree('anew'), {mac: 'anew'})
core.info('all are there')
`) + `
  later:
    if: vars.EARLIER
    runs-on: here
    steps:
` + strings.Replace(step(`
assert.deepEqual((await artifact.listArtifacts()).artifacts, [])
const [repositoryOwner, repositoryName] = core.getInput('repository').split('/')
const findBy = {token: core.getInput('github-token'), workflowRunId: Number(core.getInput('run-id')), repositoryOwner, repositoryName}
const {artifacts} = await artifact.listArtifacts({findBy})
assert.deepEqual(artifacts.map(a => a.name).sort(), ['dist-linux', 'dist-mac', 'merged', 'raw.txt'])
const one = (await artifact.getArtifact('merged', {findBy})).artifact
await artifact.downloadArtifact(one.id, {path: 'old', findBy, expectedHash: one.digest})
assert.deepEqual(tree('old'), {linux: 'linux', mac: 'mac', 'deep/shared.txt': 'shared', empty: ''})
await rejects(artifact.listArtifacts({findBy: {...findBy, repositoryName: 'other'}}), /there is no repository/)
await rejects(artifact.deleteArtifact('merged', {findBy}), /./)
core.info('from another run')
`)+"          run-id: ${{ vars.EARLIER }}\n", "acme/toolkit@v1", "actions/download-artifact@v8", 1))
		w.pass("-j", "use").wantLines("all are there")

		list := w.program("artifacts").wait()
		list.wantCode(0)
		for _, name := range []string{"dist-linux", "dist-mac", "merged", "raw.txt"} {
			if !strings.Contains(list.out, name) {
				t.Errorf("drydock artifacts does not list %s:\n%s", name, list.out)
			}
		}
		into := filepath.Join(t.TempDir(), "all")
		w.program("artifacts", "1", "--dir", into).wait().wantCode(0)
		for name, want := range map[string]string{"dist-mac/mac": "anew", "merged/deep/shared.txt": "shared", "raw.txt/raw.txt": "as it is"} {
			if text, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(text) != want {
				t.Errorf("%s holds %q, %v; want %q", name, text, err, want)
			}
		}

		w.pass("-j", "later", "--var", "EARLIER=1").wantLines("from another run")
	})
}
