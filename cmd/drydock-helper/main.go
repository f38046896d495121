// Command drydock-helper is the helper inside a job's place.
package main

import (
	"os"

	"github.com/drydock-ci/drydock/executor/helper/serve"
)

func main() { os.Exit(serve.Main(os.Args[1:])) }
