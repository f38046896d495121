package simulation

import "github.com/drydock-ci/drydock/githubapp/githubtest"

// workflows are those of each repository. Each job has the marks one and two: what
// passes has made both, once. The words of the scripts are the yard's.
var workflows = githubtest.Files{
	"src/a": "0",
	".github/workflows/ci.yml": `
name: ci
on: {push: {branches: ['**']}, pull_request: {}}
jobs:
  build:
    runs-on: yard
    strategy: {matrix: {v: [1, 2]}}
    outputs: {image: "${{ steps.one.outputs.image }}"}
    steps:
      - id: one
        run: |
          mark one
          work 80
          set image=app-${{ github.run_id }}
      - run: |
          mark two
          work 40
  test:
    needs: build
    runs-on: yard
    steps:
      - run: |
          mark one
          same ${{ needs.build.outputs.image }} app-${{ github.run_id }}
          work 60
      - run: mark two
  report:
    needs: [build, test]
    if: always()
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
`,
	".github/workflows/deploy.yml": `
name: deploy
on: {push: {branches: [main]}}
concurrency: {group: deploy, cancel-in-progress: true}
jobs:
  deploy:
    runs-on: yard
    steps:
      - run: |
          mark one
          work 400
      - run: mark two
`,
	".github/workflows/release.yml": `
name: release
on: {push: {tags: ['v*']}}
concurrency: release
jobs:
  release:
    runs-on: yard
    steps:
      - run: |
          mark one
          work 200
      - run: mark two
`,
	".github/workflows/docs.yml": `
name: docs
on: {push: {paths: ['docs/**']}}
jobs:
  pages:
    runs-on: yard
    concurrency: pages
    steps:
      - run: |
          mark one
          work 100
      - run: mark two
  check:
    needs: pages
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
`,
	".github/workflows/manual.yml": `
name: manual
on: {workflow_dispatch: {inputs: {what: {type: string}}}, repository_dispatch: {types: [go]}, schedule: [{cron: '*/5 * * * *'}]}
jobs:
  flaky:
    runs-on: yard
    steps:
      - run: |
          mark one
          flaky
      - run: mark two
  steady:
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
  after:
    needs: [flaky, steady]
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
`,
	".github/workflows/after.yml": `
name: after
on: {workflow_run: {workflows: [ci], types: [completed]}}
jobs:
  tell:
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
`,
	".github/workflows/last.yml": `
name: last
on: {workflow_run: {workflows: [after], types: [completed]}}
jobs:
  tell:
    runs-on: yard
    steps: [{run: mark one}, {run: mark two}]
`,
}
