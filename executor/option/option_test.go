package option

import (
	"reflect"
	"testing"
)

var table = Table{
	Short: map[string]string{"i": "interactive", "t": "tty", "e": "env", "m": "memory"},
	Known: func(name string) (bool, bool) {
		switch name {
		case "interactive", "tty", "read-only":
			return true, true
		case "env", "memory", "cpus":
			return false, true
		}
		return false, false
	},
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                       nil,
		" a  b\tc\nd ":           {"a", "b", "c", "d"},
		`--a "b c" 'd "e'`:       {"--a", "b c", `d "e`},
		`--a="b \"c\" \\ \n"`:    {`--a=b "c" \ \n`},
		`a\ b c\d '\'`:           {"a b", `c\d`, `\`},
		"a \\\n b":               {"a", "b"},
		`"" ''`:                  {"", ""},
		`$(id) ${X} a;b|c > /x`:  {"$(id)", "${X}", "a;b|c", ">", "/x"},
		`--health-cmd="a 'b c'"`: {"--health-cmd=a 'b c'"},
	} {
		got, err := Words(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`"a`, `'a`, `a "b\"`, "a\x00b"} {
		if got, err := Words(in); err == nil {
			t.Errorf("%q: got %q, want an error", in, got)
		}
	}
}

func TestFlags(t *testing.T) {
	for in, want := range map[string][]Flag{
		"":                               nil,
		"--cpus 2 --cpus=3":              {{"cpus", "2"}, {"cpus", "3"}},
		"-m512m -m 1g -m=2g":             {{"memory", "512m"}, {"memory", "1g"}, {"memory", "2g"}},
		"-it -e 'A=b c' --read-only":     {{"interactive", "true"}, {"tty", "true"}, {"env", "A=b c"}, {"read-only", "true"}},
		"-tie A=\"b\" --read-only=false": {{"tty", "true"}, {"interactive", "true"}, {"env", "A=b"}, {"read-only", "false"}},
	} {
		ws, err := Words(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := table.Flags(ws); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"--nosuch", "-z", "word", "--env", "-e", "--"} {
		ws, _ := Words(in)
		if got, err := table.Flags(ws); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
}

func TestParsePort(t *testing.T) {
	for in, want := range map[string][]Port{
		"6379":                {{Container: 6379, Protocol: "tcp"}},
		"8080:80":             {{Container: 80, Mapped: 8080, Protocol: "tcp"}},
		"53:53/UDP":           {{Container: 53, Mapped: 53, Protocol: "udp"}},
		"127.0.0.1:8080:80":   {{Container: 80, Mapped: 8080, Protocol: "tcp"}},
		"[::1]:8080:80":       {{Container: 80, Mapped: 8080, Protocol: "tcp"}},
		"127.0.0.1::80":       {{Container: 80, Protocol: "tcp"}},
		"3000-3001:4000-4001": {{Container: 4000, Mapped: 3000, Protocol: "tcp"}, {Container: 4001, Mapped: 3001, Protocol: "tcp"}},
		"3000-3009:80":        {{Container: 80, Mapped: 3000, Protocol: "tcp"}},
		" 9000-9001 ":         {{Container: 9000, Protocol: "tcp"}, {Container: 9001, Protocol: "tcp"}},
	} {
		got, err := ParsePort(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "x", "0", "65536", "80/x", "1-3:4-5", "5-1", "1-65535", "a:1:2", "1:2:3:4", "-1", "80/"} {
		if got, err := ParsePort(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, got)
		}
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("--cpus 2 -it -eA=b 'x'")
	f.Fuzz(func(t *testing.T, text string) {
		ws, err := Words(text)
		if err != nil {
			return
		}
		fs, err := table.Flags(ws)
		if err != nil {
			return
		}
		for _, x := range fs {
			if _, known := table.Known(x.Name); !known {
				t.Errorf("%q gave %q", text, x.Name)
			}
		}
	})
}

func FuzzParsePort(f *testing.F) {
	f.Add("127.0.0.1:8000-8001:80-81/tcp")
	f.Fuzz(func(t *testing.T, text string) {
		ps, err := ParsePort(text)
		for _, p := range ps {
			if err != nil || p.Container < 1 || p.Container > 65535 || p.Mapped < 0 || p.Mapped > 65535+255 {
				t.Errorf("%q: %+v, %v", text, p, err)
			}
		}
	})
}
