//go:build !unix

package blob

import "os"

func noSpace(err error) error { return err }

func lock(*os.File) error { return nil }

// locks says that no lock can be taken here: what may be alive is not swept.
const locks = false

func tryLock(*os.File) bool { return true }
