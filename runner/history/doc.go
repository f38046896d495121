// Package history keeps what a run was and did in a folder of its own: plan,
// event, given values, logs, results. A Recorder writes it while the run goes
// on, as one runner.Sink; a Store lists, reads and removes runs, and gives them
// their ids and numbers.
//
// The folder of run 17 is <state>/runs/17: run.json, plan.json, event.json,
// given.json, events.jsonl (all events, exactly) and jobs/001-build/{job.json,
// log.txt,summary.md}; those of earlier attempts are below attempts/, and
// artifacts/ belongs to all attempts. Only its owner can read it.
//
// Values of secrets are never written: where one is part of another value, a
// mark stands for it. A disk that is full or a folder that cannot be written
// ends the record with one remark and never the run.
package history
