package livetest

import (
	"strings"
	"testing"
)

const webServer = `
        image: "` + busybox + `"
        entrypoint: sh
        command: -c 'sleep 1; echo "hello from $NAME" > /tmp/index.html; echo serving; exec httpd -f -p 80 -h /tmp'`

func TestServices(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  machine:
    runs-on: ubuntu-latest
    services:
      web:` + webServer + `
        env: {NAME: web}
        ports: [80, "8123:80"]
        options: --health-cmd "wget -q -O /dev/null http://localhost/" --health-interval 300ms --health-retries 200
      none: {image: "${{ false && 'x' || '' }}", ports: [81]}
    steps:
      - run: |
          echo "answer: $(wget -q -O - http://localhost:${{ job.services.web.ports['80'] }}/)"
          echo "fixed: $(wget -q -O - http://localhost:8123/)"
          echo "none: [${{ job.services.none.id }}] container: [${{ job.container.id }}]"
          echo "network: ${{ job.services.web.network != '' }} id: ${{ job.services.web.id != '' }}"
  contained:
    runs-on: ubuntu-latest
    container: "` + bash + `"
    services:
      web:` + webServer + `
        env: {NAME: "inner web"}
        ports: ["8123:80"]
        options: --health-cmd "wget -q -O /dev/null http://localhost/" --health-interval 300ms --health-retries 200 --network-alias www
    steps:
      - run: |
          echo "by name: $(wget -q -O - http://web/)"
          echo "by alias: $(wget -q -O - http://www/)"
          wget -q -T 2 -O - http://localhost:8123/ || echo "not at localhost"
          echo "network: ${{ job.container.network == job.services.web.network }}"
`)
	r := w.pass()
	r.wantLines("answer: hello from web", "fixed: hello from web", "none: [] container: []", "network: true id: true",
		"by name: hello from inner web", "by alias: hello from inner web", "not at localhost", "network: true")
}

func TestUnhealthyService(t *testing.T) {
	w := newWorld(t)
	w.workflow(`
jobs:
  sick:
    runs-on: ubuntu-latest
    services:
      web:
        image: "` + busybox + `"
        entrypoint: sh
        command: -c 'echo the reason is here; sleep 600'
        options: --health-cmd "echo check says no; exit 1" --health-interval 200ms --health-retries 10
    steps: [{run: echo not reached}]
  dead:
    runs-on: ubuntu-latest
    services:
      web: {image: "` + busybox + `", entrypoint: sh, command: "-c 'echo dying words; exit 9'", options: --health-cmd true --health-interval 10s}
    steps: [{run: echo not reached}]
`)
	r := w.run()
	if r.code != 1 && r.code != 4 {
		t.Errorf("exit code %d", r.code)
	}
	if r.count("not reached") > 0 {
		t.Error("the job ran")
	}
	for job, words := range map[string][]string{
		"sick": {"the reason is here", "check says no", "web"},
		"dead": {"dying words", "exit code 9", "web"},
	} {
		for _, word := range words {
			if !strings.Contains(r.jobText(job), word) {
				t.Errorf("job %s does not say %q:\n%s", job, word, r.text())
			}
		}
	}
}
