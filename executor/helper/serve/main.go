//go:build linux

package serve

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `usage:
  drydock-helper serve --socket PATH [--linger SECONDS] [--user USER] [--group-of PATH] [--stdio]
  drydock-helper connect --socket PATH [--wait SECONDS]
  drydock-helper install FOLDER [FROM TO]
`

// Main is the program; args leave out its name. It returns the exit code.
func Main(args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if args[0] == "install" {
		return mainInstall(args[1:])
	}
	flags := flag.NewFlagSet("drydock-helper "+args[0], flag.ContinueOnError)
	socket := flags.String("socket", "", "unix socket")
	linger := flags.Int("linger", 60, "seconds to live without a client")
	user := flags.String("user", "", "user that commands run as: name, uid or uid:gid")
	groupOf := flags.String("group-of", "", "file whose group that user is in as well")
	stdio := flags.Bool("stdio", false, "serve a first client on standard input and output")
	wait := flags.Int("wait", 10, "seconds to wait for the socket")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	if *linger <= 0 || *socket == "" || flags.NArg() > 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	var err error
	switch args[0] {
	case "serve":
		err = run(*socket, time.Duration(*linger)*time.Second, *user, *groupOf, *stdio)
	case "connect":
		err = connect(*socket, time.Duration(*wait)*time.Second)
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "drydock-helper:", err)
		return 1
	}
	return 0
}

// mainInstall is the part of Main that runs in an image of our own.
func mainInstall(args []string) int {
	from, to := "", ""
	switch len(args) {
	case 1:
	case 3:
		from, to = args[1], args[2]
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err := install(args[0], from, to); err != nil {
		fmt.Fprintln(os.Stderr, "drydock-helper:", err)
		return 1
	}
	return 0
}
