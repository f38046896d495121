package event

import (
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name, on string
		want     []string
	}{
		{"nothing", `{push: {branches: [main], tags: ['v*'], paths: ['**', '!docs/**']}, schedule: [{cron: '*/5 * * * *', timezone: Asia/Tokyo}]}`, nil},
		{"twins", `{push: {branches: [a], branches-ignore: [b], paths: [c], paths-ignore: [d]}}`, []string{
			"ci.yml:1:46: error: push has both branches and branches-ignore (keep one of them; patterns of branches that begin with ! take names out)",
			"ci.yml:1:77: error: push has both paths and paths-ignore (keep one of them; patterns of paths that begin with ! take names out)"}},
		{"pattern", `{push: {tags: [x, 'v[']}}`, []string{"ci.yml:1:23: error: tags: 'v[' is no valid pattern: byte 3: Missing closing bracket ']' after '['"}},
		{"leftmost fault", `{push: {tags: ['[.]v[.]']}}`, []string{"ci.yml:1:20: error: tags: '[.]v[.]' is no valid pattern: byte 2: Ranges can only include a-z, A-Z and 0-9"}},
		{"long pattern", `{push: {tags: ['` + strings.Repeat("x", 1025) + `']}}`, []string{"ci.yml:1:20: error: tags: '" + strings.Repeat("x", 200) + "...' is no valid pattern: it has 1025 bytes, more than 1024"}},
		{"negative", `{push: {branches: ['!main']}}`, []string{"ci.yml:1:24: warning: branches: all patterns begin with !, so nothing matches (write what is meant before them, as '**')"}},
		{"path", `{push: {paths: ['./a/**', '/b', 'c']}}`, []string{
			"ci.yml:1:21: advice: paths: './a/**' matches no file (paths begin at the root of the repository, without / or ./)",
			"ci.yml:1:31: advice: paths: '/b' matches no file (paths begin at the root of the repository, without / or ./)"}},
		{"workflow_run", `workflow_run`, []string{"ci.yml:1:5: error: workflow_run names no workflow (name those to wait for under workflows:)"}},
		{"cron", `{schedule: [{cron: '61 * * * *'}]}`, []string{"ci.yml:1:24: error: read the cron '61 * * * *': minute '61': '61' is not 0 to 59"}},
		{"too often", `{schedule: [{cron: '* * * * *'}, {cron: '*/2 * * * *'}]}`, []string{
			"ci.yml:1:24: warning: the cron '* * * * *' fires every minute (GitHub runs a schedule every 5 minutes at most)",
			"ci.yml:1:45: warning: the cron '*/2 * * * *' fires every 2 minutes (GitHub runs a schedule every 5 minutes at most)"}},
		{"never", `{schedule: [{cron: '0 0 31 4,6 *'}]}`, []string{"ci.yml:1:24: warning: the cron '0 0 31 4,6 *' never fires: no such day exists"}},
		{"timezone", `{schedule: [{cron: '0 0 * * *', timezone: Berlin}]}`, []string{"ci.yml:1:47: error: find the timezone 'Berlin': no such name: write an IANA name, as Europe/Berlin"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, p := range Check(parse(t, tc.on)) {
				got = append(got, p.String())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(tc.want, "\n     "))
			}
		})
	}
}
