package event

import (
	"math/bits"
	"time"
)

// starBit is the library's mark of a field that begins with *.
const starBit = 1 << 63

// Next is the first time after the given one at which the schedule fires, in
// its time zone; the zero time if it never does, as on the 30th of February.
//
// The library finds times of a wall clock without time zone; here they become
// real ones. A time that the clocks skip in spring fires when they have been
// put forward, 02:30 at 03:00 (GitHub's documentation of schedule). A time that
// they repeat in autumn fires once, the first time; GitHub does not say. A
// schedule of every hour follows real time: it skips and repeats with the clock.
func (s Schedule) Next(after time.Time) time.Time {
	if s.spec == nil || after.Year() < 1 || after.Year() > 9999 {
		return time.Time{}
	}
	local := after.In(s.zone)
	offset := offsetOf(local)
	// In the last hours before the clocks are put back, the repeated times come
	// later but read earlier.
	if _, end := local.ZoneBounds(); !end.IsZero() && end.Sub(local) < 48*time.Hour {
		offset = min(offset, offsetOf(end))
	}
	wall := asWall(local, offset)
	var best time.Time
	for {
		wall = s.nextWall(wall)
		if wall.IsZero() {
			return best
		}
		times := s.real(wall)
		for _, t := range times {
			if t.After(after) && (best.IsZero() || t.Before(best)) {
				best = t
			}
		}
		// Times of a later wall clock are not earlier than the first of this one,
		// but those that are skipped give none.
		if !best.IsZero() && len(times) > 0 && !times[0].Before(best) {
			return best
		}
	}
}

// nextWall is the library's Next, which gives up after five years: too early
// for the 29th of February, of which there are eight years between some.
func (s Schedule) nextWall(wall time.Time) time.Time {
	for range 3 {
		if next := s.spec.Next(wall); !next.IsZero() || wall.Year() > 9990 {
			return next
		}
		wall = wall.AddDate(4, 0, 0)
	}
	return time.Time{}
}

// real gives the times at which a wall clock in the zone shows wall: one, none
// or the time of the change when it is skipped, one or two when it is repeated.
func (s Schedule) real(wall time.Time) []time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, s.zone)
	start, end := guess.ZoneBounds()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		before, since := offsetOf(change.Add(-time.Second).In(s.zone)), offsetOf(change.In(s.zone))
		from, to := asWall(change, before), asWall(change, since)
		switch {
		case from.Before(to) && !wall.Before(from) && wall.Before(to): // skipped
			if s.everyHour {
				return nil
			}
			return []time.Time{change.In(s.zone)}
		case to.Before(from) && !wall.Before(to) && wall.Before(from): // repeated
			first := wall.Add(-before).In(s.zone)
			if !s.everyHour {
				return []time.Time{first}
			}
			return []time.Time{first, wall.Add(-since).In(s.zone)}
		}
	}
	return []time.Time{guess}
}

func offsetOf(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// asWall is what a clock with that offset shows, as if it were UTC.
func asWall(t time.Time, offset time.Duration) time.Time { return t.UTC().Add(offset) }

// Interval is the shortest time between two times of one day, or of two days
// that follow each other; 0 for a schedule that never fires twice a day.
func (s Schedule) Interval() time.Duration {
	if s.spec == nil {
		return 0
	}
	var minutes []int
	for hour := range 48 {
		if s.spec.Hour&(1<<(hour%24)) == 0 {
			continue
		}
		for m := range 60 {
			if s.spec.Minute&(1<<m) != 0 {
				minutes = append(minutes, hour*60+m)
			}
		}
	}
	if bits.OnesCount64(s.spec.Hour&^starBit) == 1 && bits.OnesCount64(s.spec.Minute&^starBit) == 1 {
		return 0
	}
	shortest := 0
	for i := 1; i < len(minutes); i++ {
		if gap := minutes[i] - minutes[i-1]; shortest == 0 || gap < shortest {
			shortest = gap
		}
	}
	return time.Duration(shortest) * time.Minute
}
