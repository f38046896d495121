package runner

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drydock-ci/drydock/runner/command"
	"github.com/drydock-ci/drydock/workflow/plan"
)

var moment = time.Date(2026, 11, 21, 1, 2, 3, 400, time.UTC)

// TestEventsThereAndBack: what is written is read again as it was.
func TestEventsThereAndBack(t *testing.T) {
	step := StepResult{Step: StepRef{Number: 2, ID: "a", Name: "Run <x>", Phase: Main}, Outcome: plan.Failure, Conclusion: plan.Success, Seconds: 1.5, Reason: "r", ExitCode: 3}
	note := command.Annotation{Level: command.LevelError, Message: "m\nn", File: "f.go", Line: 3}
	for _, e := range []Event{
		RunStarted{Time: moment, Run: "17", Workflow: "CI", File: "ci.yml", Event: "push", Ref: "refs/heads/main", SHA: "abc"},
		RunFinished{Time: moment, Run: "17", Workflow: "CI", Conclusion: plan.Failure, Seconds: 2},
		JobStarted{Time: moment, Workflow: "CI", Job: "a/0", Name: "a (1)", Executor: "host", Image: "i"},
		JobFinished{Time: moment, Workflow: "CI", Job: "a", Name: "a", Conclusion: plan.Success, Steps: []StepResult{step}, Outputs: map[string]string{"v": "1"}, FirstError: &note, Infra: true},
		JobRequeued{Time: moment, Workflow: "CI", Job: "a", Name: "a", Reason: "r", Cause: CauseEvicted},
		StepStarted{Time: moment, Job: "a", Step: step.Step},
		StepFinished{Time: moment, Job: "a", StepResult: step},
		Line{Time: moment, Job: "a", Step: 2, Level: command.LevelGroup, Text: "<&>\u2028\x1b"},
		Line{Time: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), Text: "no JSON for this time"},
		Annotated{Time: moment, Job: "a", Step: 2, Annotation: note},
		Summarised{Time: moment, Job: "a", Step: 2, Markdown: "# x\n"},
		Noticed{Time: moment, Level: command.LevelWarning, Text: "w"},
	} {
		line := AppendEvent(nil, "17", e)
		if bytes.Count(line, []byte("\n")) != 1 || !json.Valid(line) {
			t.Errorf("%T is no line of JSON: %q", e, line)
		}
		got, err := DecodeEvent(line)
		if l, ok := e.(Line); ok && l.Time.Year() > 9999 {
			if got.Type() != "line" {
				t.Errorf("%q became %#v", line, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s\n got %#v, %v\nwant %#v", line, got, err, e)
		}
	}
	if e, err := DecodeEvent([]byte(`{"type":"of tomorrow"}`)); e != nil || err != nil {
		t.Errorf("an unknown type gives %v, %v", e, err)
	}
	if _, err := DecodeEvent([]byte(`{"type":"li`)); err == nil {
		t.Error("half a line is an event")
	}
}

func FuzzAppendLine(f *testing.F) {
	f.Add("plain", "job")
	f.Add("\x00\x1b\"\\\n\r\t\b\f\x7f\u0080\u2028\u2029\xff\xc2<>&日", "a/0")
	f.Fuzz(func(t *testing.T, text, job string) {
		e := Line{Time: moment, Job: plan.LegID(job), Step: 3, Level: command.LevelWarning, Text: text}
		got := string(AppendEvent(nil, "", e))
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
		if want := `{"type":"line",` + b.String()[1:]; got != want {
			t.Errorf("%s want %s", got, want)
		}
		back, err := DecodeEvent([]byte(got))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(text, "\ufffd"); back.(Line).Text != want && text == want {
			t.Errorf("text is %q, want %q", back.(Line).Text, want)
		}
	})
}
