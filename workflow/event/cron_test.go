package event

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseCronRefuses(t *testing.T) {
	for _, tc := range []struct{ cron, zone, want string }{
		{"", "", "it has 0 fields"},
		{"* * * *", "", "it has 4 fields"},
		{"0 * * * * *", "", "it has 6 fields"},
		{"@daily", "", "GitHub does not know '@daily'"},
		{"@every 5m", "", "GitHub does not know '@every'"},
		{"TZ=0", "", "GitHub takes no TZ="},
		{"CRON_TZ=Europe/Berlin 0 0 * * *", "", "write timezone: beside cron:"},
		{"60 * * * *", "", "minute '60': '60' is not 0 to 59"},
		{"* 24 * * *", "", "hour '24': '24' is not 0 to 23"},
		{"* * 0 * *", "", "day of the month '0': '0' is not 1 to 31"},
		{"* * * 13 *", "", "month '13': '13' is not 1 to 12 or JAN to DEC"},
		{"* * * * 8", "", "day of the week '8': '8' is not 0 to 7 or SUN to SAT"},
		{"* * * MON *", "", "'MON' is not 1 to 12"},
		{"? * * * *", "", "'?' is not 0 to 59"},
		{"* * L * *", "", "'L' is not 1 to 31"},
		{"* * * * 1#2", "", "'1#2' is not 0 to 7"},
		{"* 22-2 * * *", "", "the range '22-2' ends before it begins"},
		{"*/0 * * * *", "", "the step '0' is not a number above 0"},
		{"*/x * * * *", "", "the step 'x' is not"},
		{"1,,2 * * * *", "", "'' is not 0 to 59"},
		{"-5 * * * *", "", "'' is not 0 to 59"},
		{"+5 * * * *", "", "'+5' is not 0 to 59"},
		{"1-2-3 * * * *", "", "'2-3' is not 0 to 59"},
		{"99999999999999999999 * * * *", "", "is not 0 to 59"},
		{"5\u00a0* * * *", "", "it has 4 fields"},
		{strings.Repeat("1,", 600) + "1 * * * *", "", "more than 1024"},
		{"0 0 * * *", "Local", "find the timezone 'Local'"},
		{"0 0 * * *", "europe/berlin", `did you mean "Europe/Berlin"?`},
		{"0 0 * * *", "Mars/Olympus", "write an IANA name"},
		{"0 0 * * *", "../../etc/passwd", "no such name"},
	} {
		s, err := ParseCron(tc.cron, tc.zone)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q in %q: got %v, want %q", tc.cron, tc.zone, err, tc.want)
		}
		if !s.Next(time.Unix(0, 0)).IsZero() {
			t.Errorf("%q in %q fires though it is refused", tc.cron, tc.zone)
		}
	}
}

// TestNext holds times against GitHub's rules. Times are local with offset.
func TestNext(t *testing.T) {
	const berlin, york = "Europe/Berlin", "America/New_York"
	for _, tc := range []struct {
		name, cron, zone, after string
		next                    []string
	}{
		{"every minute", "* * * * *", "", "2026-01-01T00:00:30Z", []string{"2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"}},
		{"strictly after", "0 0 * * *", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z"}},
		{"steps", "20/15 * * * *", "", "2026-01-01T00:00:00Z", []string{"2026-01-01T00:20:00Z", "2026-01-01T00:35:00Z", "2026-01-01T00:50:00Z", "2026-01-01T01:20:00Z"}},
		{"lists", "2,10 4,5 * * *", "", "2026-01-01T00:00:00Z", []string{"2026-01-01T04:02:00Z", "2026-01-01T04:10:00Z", "2026-01-01T05:02:00Z"}},
		{"names in any case", "0 0 1 jan-Feb *", "", "2026-01-15T00:00:00Z", []string{"2026-02-01T00:00:00Z", "2027-01-01T00:00:00Z"}},
		{"weekdays", "30 5 * * MON-FRI", "", "2026-01-02T06:00:00Z", []string{"2026-01-05T05:30:00Z"}},
		{"Sunday is 0", "0 0 * * 0", "", "2026-01-01T00:00:00Z", []string{"2026-01-04T00:00:00Z"}},
		{"Sunday is 7", "0 0 * * 7", "", "2026-01-01T00:00:00Z", []string{"2026-01-04T00:00:00Z"}},
		{"up to Sunday", "0 0 * * 6-7", "", "2026-01-01T00:00:00Z", []string{"2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z"}},
		{"all with 7", "0 0 * * 0-7", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"}},
		{"step from a day", "0 0 * * 1/3", "", "2026-01-01T00:00:00Z", []string{"2026-01-05T00:00:00Z", "2026-01-08T00:00:00Z"}},
		{"leading zeros", "05 05 * * *", "", "2026-01-01T00:00:00Z", []string{"2026-01-01T05:05:00Z"}},
		{"spaces", " 0\t0  *  * * ", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z"}},
		{"either day", "0 0 13 * FRI", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"}},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		{"leap day over 2100", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"never", "0 0 30 2 *", "", "2026-01-01T00:00:00Z", []string{"0001-01-01T00:00:00Z"}},
		{"timezone", "30 5 * * 1-5", york, "2026-01-01T00:00:00Z", []string{"2026-01-01T05:30:00-05:00", "2026-01-02T05:30:00-05:00"}},
		{"half an hour", "0 9 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", []string{"2026-01-01T09:00:00+05:30"}},

		// Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
		{"skipped", "30 2 * * *", berlin, "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"skipped in New York", "30 2 * * *", york, "2026-03-07T12:00:00-05:00", []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"several skipped fire once", "0,15,30 2 * * *", berlin, "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		{"skipped beside a real one", "0,30 2-3 * * *", berlin, "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"}},
		{"hourly skips with the clock", "30 * * * *", berlin, "2026-03-29T01:00:00+01:00", []string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"}},
		{"repeated fires once", "30 2 * * *", berlin, "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"hourly repeats with the clock", "30 * * * *", berlin, "2026-10-25T01:00:00+02:00", []string{"2026-10-25T01:30:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"}},
		{"every 20 minutes through it", "*/20 * * * *", berlin, "2026-10-25T02:30:00+02:00", []string{"2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:20:00+01:00"}},
		{"asked in the second hour", "45 2 * * *", berlin, "2026-10-25T02:30:00+01:00", []string{"2026-10-26T02:45:00+01:00"}},
		{"midnight that is skipped", "0 0 * * *", "America/Santiago", "2026-09-05T12:00:00-04:00", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		{"a day that is skipped", "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00-10:00", []string{"2011-12-31T00:00:00+14:00", "2012-12-30T12:00:00+14:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := ParseCron(tc.cron, tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tc.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.next {
				at = s.Next(at)
				if got := at.Format(time.RFC3339); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
	}
}

func TestNextFarAway(t *testing.T) {
	s, err := ParseCron("* * * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{-1 << 30, -1, 10_000, 1 << 40} {
		if got := s.Next(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
			t.Errorf("year %d: got %v, want no time", year, got)
		}
	}
}

func TestInterval(t *testing.T) {
	for cron, want := range map[string]time.Duration{
		"* * * * *":      time.Minute,
		"*/5 * * * *":    5 * time.Minute,
		"*/7 * * * *":    4 * time.Minute,
		"58,1 * * * *":   3 * time.Minute,
		"58,1 */2 * * *": 57 * time.Minute,
		"59 23 * * *":    0,
		"0 0,1 * * *":    time.Hour,
		"30 5 * * 1":     0,
	} {
		s, err := ParseCron(cron, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Interval(); got != want {
			t.Errorf("%s: got %v, want %v", cron, got, want)
		}
	}
}

// TestNextAgainstTheClock walks through changes of the clocks minute by minute
// and holds what should fire against what Next gives.
func TestNextAgainstTheClock(t *testing.T) {
	matches := func(s Schedule, wall time.Time) bool {
		return s.spec.Next(wall.Add(-time.Second)).Equal(wall)
	}
	for _, tc := range []struct{ zone, from string }{
		{"Europe/Berlin", "2026-03-28"}, {"Europe/Berlin", "2026-10-24"}, {"America/New_York", "2026-03-07"}, {"America/New_York", "2026-10-31"},
		{"Australia/Lord_Howe", "2026-04-04"}, {"Australia/Lord_Howe", "2026-10-03"}, {"America/Santiago", "2026-04-04"},
		{"Pacific/Apia", "2011-12-29"}, {"Asia/Tokyo", "2026-03-28"}, {"UTC", "2026-03-28"},
	} {
		for _, text := range []string{
			"30 2 * * *", "*/7 * * * *", "0,15,45 1-3 * * *", "0 */2 * * *", "59 0,1,23 * * *", "0 0 * * *", "*/30 0-4 * * 0", "5 2/1 * * *", "0 12 30 * *",
		} {
			s, err := ParseCron(text, tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			from, err := time.ParseInLocation(time.DateOnly, tc.from, s.zone)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			seen := map[string]bool{}
			before := asWall(from, offsetOf(from)).Add(-time.Minute)
			end := from.Add(72 * time.Hour)
			for at := from; at.Before(end); at = at.Add(time.Minute) {
				wall := asWall(at, offsetOf(at))
				fires := matches(s, wall) && (s.everyHour || !seen[wall.String()])
				for skipped := before.Add(time.Minute); skipped.Before(wall); skipped = skipped.Add(time.Minute) {
					fires = fires || !s.everyHour && matches(s, skipped)
				}
				if fires {
					want = append(want, at.Format(time.RFC3339))
				}
				seen[wall.String()], before = true, wall
			}
			var got []string
			for at := s.Next(from.Add(-time.Second)); at.Before(end) && !at.IsZero(); at = s.Next(at) {
				got = append(got, at.Format(time.RFC3339))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s in %s from %s:\n got %v\nwant %v", text, tc.zone, tc.from, got, want)
			}
		}
	}
}
