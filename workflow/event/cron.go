package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a laptop or a container may have no database of time zones

	"github.com/robfig/cron/v3"
)

// MinInterval is the shortest time between two runs of a schedule on GitHub.
const MinInterval = 5 * time.Minute

// Schedule is when an entry of `on.schedule` fires. The zero Schedule never does.
type Schedule struct {
	spec      *cron.SpecSchedule
	zone      *time.Location
	everyHour bool // the hour field is * or */n: it follows the clock, not the wall
}

// cronField is one of the five fields.
type cronField struct {
	name     string
	min, max int
	names    []string // of min, min+1, ...
}

var cronFields = [5]cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"day of the week", 0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

const maxCron = 1024 // bytes; the longest sensible one lists all minutes

// ParseCron reads five fields of POSIX cron with names, ranges, lists and
// steps; 7 is Sunday too. As on GitHub there are no @daily, seconds, years,
// TZ= or L, W, # and ?. The timezone is an IANA name; "" is UTC.
func ParseCron(text, timezone string) (Schedule, error) {
	fail := func(format string, args ...any) (Schedule, error) {
		return Schedule{}, fmt.Errorf("read the cron %s: %w", quote(text), fmt.Errorf(format, args...))
	}
	if len(text) > maxCron {
		return fail("it has %d bytes, more than %d", len(text), maxCron)
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	switch {
	case strings.HasPrefix(text, "@"):
		return fail("GitHub does not know %s: write five fields, as '0 0 * * *' for each midnight", quote(fields[0]))
	case strings.Contains(text, "TZ="):
		return fail("GitHub takes no TZ=: write timezone: beside cron:")
	case len(fields) != 5:
		return fail("it has %d fields: write minute, hour, day of the month, month and day of the week", len(fields))
	}
	for i, f := range cronFields {
		plain, err := f.check(fields[i])
		if err != nil {
			return fail("%s %s: %w", f.name, quote(fields[i]), err)
		}
		fields[i] = plain
	}
	// The library is given nothing but what it reads right: it panics on TZ=0,
	// takes @every and ?, and does not know 7.
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(strings.Join(fields, " "))
	if err != nil {
		return fail("%w", err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return fail("it is no schedule of five fields")
	}
	zone, err := loadZone(timezone)
	if err != nil {
		return Schedule{}, err
	}
	spec.Location = time.UTC
	return Schedule{spec: spec, zone: zone, everyHour: strings.HasPrefix(fields[1], "*")}, nil
}

// check reads a field and gives it with numbers only where it has to: a list
// with Sunday as 7 is written out.
func (f cronField) check(field string) (string, error) {
	var set []int
	seven := false
	for _, item := range strings.Split(field, ",") {
		from, to, step, err := f.item(item)
		if err != nil {
			return "", err
		}
		seven = seven || f.max == 7 && to == 7 && item[0] != '*'
		if item[0] == '*' && f.max == 7 {
			to = 6
		}
		for n := from; n <= to; n += step {
			set = append(set, n)
		}
	}
	if !seven {
		return field, nil
	}
	var days []string
	for _, n := range set {
		if day := strconv.Itoa(n % 7); !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return strings.Join(days, ","), nil
}

// item reads *, N, N-M, each with /STEP.
func (f cronField) item(item string) (from, to, step int, err error) {
	span, by, stepped := strings.Cut(item, "/")
	low, high, ranged := strings.Cut(span, "-")
	step = 1
	if stepped {
		if step, err = digits(by); err != nil || step == 0 {
			return 0, 0, 0, fmt.Errorf("the step %s is not a number above 0", quote(by))
		}
	}
	if span == "*" {
		return f.min, f.max, step, nil
	}
	if from, err = f.number(low); err != nil {
		return 0, 0, 0, err
	}
	switch {
	case ranged:
		if to, err = f.number(high); err != nil {
			return 0, 0, 0, err
		}
		if to < from {
			return 0, 0, 0, fmt.Errorf("the range %s ends before it begins: write it as two, with a comma", quote(span))
		}
	case stepped:
		to = f.max
		if f.max == 7 && from < 7 {
			to = 6
		}
	default:
		to = from
	}
	return from, to, step, nil
}

func (f cronField) number(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.min + i, nil
	}
	n, err := digits(text)
	if err != nil || n < f.min || n > f.max {
		want := fmt.Sprintf("%d to %d", f.min, f.max)
		if len(f.names) > 0 {
			want += " or " + f.names[0] + " to " + f.names[len(f.names)-1]
		}
		return 0, fmt.Errorf("%s is not %s", quote(text), want)
	}
	return n, nil
}

// digits reads a number of at most four digits, without a sign.
func digits(text string) (int, error) {
	if len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}

// loadZone finds a time zone by its IANA name.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err == nil && name != "Local" {
		return zone, nil
	}
	hint := "write an IANA name, as Europe/Berlin"
	if like := zoneCase(name); like != name {
		if _, err := time.LoadLocation(like); err == nil {
			hint = fmt.Sprintf("did you mean %q?", like)
		}
	}
	return nil, fmt.Errorf("find the timezone %s: no such name: %s", quote(name), hint)
}

// zoneCase writes a name as most zones are written: Each_Word/Capitalised.
func zoneCase(name string) string {
	b := []byte(strings.ToLower(name))
	for i, c := range b {
		if c >= 'a' && c <= 'z' && (i == 0 || b[i-1] == '/' || b[i-1] == '_' || b[i-1] == '-') {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
