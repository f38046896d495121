package plan

import (
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/workflow/expr"
)

// maxLegName is the longest name of a leg in characters (actions/runner: JobNameBuilder.cs).
const maxLegName = 100

// suffixedName is the display name with the values of the matrix, before
// extras of `include`.
func suffixedName(name string, values []expr.Value) string {
	var segments []string
	for _, v := range values {
		segments = leaves(segments, v)
	}
	if len(segments) > 0 {
		name += " (" + strings.Join(segments, ", ") + ")"
	}
	if r := []rune(name); len(r) > maxLegName {
		name = string(r[:maxLegName-3]) + "..."
	}
	return name
}

// leaves appends the texts of the scalars in v that are not empty.
func leaves(segments []string, v expr.Value) []string {
	switch v.Kind() {
	case expr.KindArray, expr.KindObject:
		for _, item := range v.Items() {
			segments = leaves(segments, item)
		}
	default:
		if text := v.Text(); text != "" {
			segments = append(segments, text)
		}
	}
	return segments
}

// baseName is the name of a job before its matrix is known: the literal name,
// else the id.
func baseName(j *Job) string {
	if j.Name != nil && j.Name.Text != "" && !j.Name.Expressions() {
		return j.Name.Text
	}
	return j.ID
}

// nested joins the name of a caller with that of a job inside.
func nestedName(caller, job string) string {
	if caller == "" {
		return job
	}
	return caller + " / " + job
}

// jobPath is the path of a job below the leg of its caller.
func jobPath(caller LegID, id string) LegID {
	if caller == "" {
		return LegID(id)
	}
	return caller + "/" + LegID(id)
}

// legID is the id of a leg of the job at path; a job without a matrix has the
// job's path.
func legID(path LegID, index int, matrix bool) LegID {
	if !matrix {
		return path
	}
	return path + "/" + LegID(strconv.Itoa(index))
}
