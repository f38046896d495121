package main

import (
	"fmt"
	"net"
	"os"

	"github.com/drydock-ci/drydock/executor/executortest"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: visitor WHAT ADDRESS")
		os.Exit(2)
	}
	err := executortest.Visit(os.Args[1], func() (net.Conn, error) { return net.Dial("tcp", os.Args[2]) }, os.Stdout)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
