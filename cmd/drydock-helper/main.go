package main

import (
	"os"

	"github.com/drydock-ci/drydock/executor/helper/serve"
)

func main() { os.Exit(serve.Main(os.Args[1:])) }
